"""What the protocol asks of the session: plain data, performed by `Connection`, never by the protocol.

`event_id` is the client event's that led to the command; an error of the session is answered with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation.history import Message, Role
from sottovoce.conversation.options import ReplyOptions, SessionOptions
from sottovoce.conversation.port import SessionPort
from sottovoce.realtime.session_config import AnyConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCommand:
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class PushAudio(SessionCommand):
    frame: AudioFrame

    def perform(self, session: SessionPort) -> None:
        session.push_audio(self.frame)


@dataclass(frozen=True, slots=True)
class UpdateOptions(SessionCommand):
    """`config` takes effect in the protocol when the session has taken `options`."""

    options: SessionOptions
    config: AnyConfig

    def perform(self, session: SessionPort) -> None:
        session.update(self.options)


@dataclass(frozen=True, slots=True)
class CommitInput(SessionCommand):
    def perform(self, session: SessionPort) -> None:
        session.commit_input()


@dataclass(frozen=True, slots=True)
class ClearInput(SessionCommand):
    def perform(self, session: SessionPort) -> None:
        session.clear_input()


@dataclass(frozen=True, slots=True)
class AddMessage(SessionCommand):
    role: Role
    text: str
    item_id: str

    def perform(self, session: SessionPort) -> None:
        session.add_item(Message(self.item_id, self.role, self.text))


@dataclass(frozen=True, slots=True)
class Respond(SessionCommand):
    response_id: str
    instructions: str | None = None
    metadata: dict[str, str] | None = field(default=None, hash=False)

    def perform(self, session: SessionPort) -> None:
        session.respond(ReplyOptions(instructions=self.instructions), self.response_id)


@dataclass(frozen=True, slots=True)
class Interrupt(SessionCommand):
    """Stop the active reply and drop what of it was not played yet."""

    def perform(self, session: SessionPort) -> None:
        session.interrupt("client_cancelled")


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection with this WebSocket close code."""

    code: int
    reason: str


Command: TypeAlias = PushAudio | UpdateOptions | CommitInput | ClearInput | AddMessage | Respond | Interrupt
