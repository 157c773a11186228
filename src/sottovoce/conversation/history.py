"""What a conversation's history is made of, as transports write it: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sottovoce.audio.frame import AudioFrame

Role: TypeAlias = Literal["system", "user", "assistant"]

FIRST: Final = "root"
"""The predecessor of an item that is to stand before all others."""


@dataclass(frozen=True, slots=True)
class Message:
    """Words, written or said."""

    item_id: str
    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class SpokenMessage:
    """A recording of the user's, to be transcribed before it is read; told by a final `Transcript`."""

    item_id: str
    audio: AudioFrame


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The assistant's call of a client's tool; `arguments` is JSON."""

    item_id: str
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class FunctionCallOutput:
    """The client's answer to a `FunctionCall`, as the model reads it."""

    item_id: str
    call_id: str
    output: str


HistoryItem: TypeAlias = Message | SpokenMessage | FunctionCall | FunctionCallOutput
