"""What the service and its recogniser process say to each other, over the process's input and output.

A message is the length of a JSON object, the length of what follows it, the object, and audio or nothing.
"""

from __future__ import annotations

import struct

from pydantic import BaseModel, ConfigDict

from sottovoce.engines.stt.base import BYTES_PER_SECOND

HEADER = struct.Struct(">II")
MAX_JSON_BYTES = 1 << 20
MAX_AUDIO_BYTES = 30 * BYTES_PER_SECOND
"""Both protect either end from a length that is garbage."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Task(_Message):
    """Comes with the audio of one segment. `language` "" lets the model find out."""

    language: str = ""
    should_translate: bool = False
    wants_phrases: bool = False
    """For people who read along: the model may take longer, to say when each phrase was said."""


class Phrase(_Message):
    """A word, or several where the model does not say when each was said; seconds into the segment."""

    text: str
    start: float
    end: float
    probability: float = 1.0
    is_joined: bool = False


class Heard(_Message):
    """`took` is in seconds, `language` "" where the model does not say."""

    phrases: tuple[Phrase, ...] = ()
    language: str = ""
    took: float = 0.0
    failure: str | None = None


class Loaded(_Message):
    """What the process says first; what the model can do."""

    languages: tuple[str, ...] = ()
    can_translate: bool = False
    has_word_times: bool = False
    has_probabilities: bool = False
    heeds_language: bool = False
    failure: str | None = None


def pack(message: _Message, pcm: bytes = b"") -> bytes:
    body = message.model_dump_json().encode()
    return HEADER.pack(len(body), len(pcm)) + body + pcm


def unpack_header(header: bytes) -> tuple[int, int]:
    """Lengths of object and audio. Raises `ValueError` for what `pack` did not make."""
    json_bytes, audio_bytes = HEADER.unpack(header)
    if json_bytes > MAX_JSON_BYTES or audio_bytes > MAX_AUDIO_BYTES:
        raise ValueError(f"a message of {json_bytes} and {audio_bytes} bytes")
    return json_bytes, audio_bytes
