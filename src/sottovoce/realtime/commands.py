"""What the protocol asks of the session: plain data, performed by `Connection`, never by the protocol.

`event_id` is the client event's that led to the command; an error of the session is answered with it.
`perform` returns what the protocol needs to know of the outcome: words, where the session tells some.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation.options import ReplyOptions, SessionOptions
from sottovoce.conversation.port import SessionPort
from sottovoce.errors import SottovoceError
from sottovoce.realtime.drafts import Draft
from sottovoce.realtime.events.client import ResponseParams
from sottovoce.realtime.session_config import AnyConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCommand:
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class PushAudio(SessionCommand):
    frame: AudioFrame

    def perform(self, session: SessionPort) -> str:
        session.push_audio(self.frame)
        return ""


@dataclass(frozen=True, slots=True)
class UpdateOptions(SessionCommand):
    """`config` takes effect in the protocol when the session has taken `options`."""

    options: SessionOptions
    config: AnyConfig

    def perform(self, session: SessionPort) -> str:
        session.update(self.options)
        return ""


@dataclass(frozen=True, slots=True)
class CommitInput(SessionCommand):
    def perform(self, session: SessionPort) -> str:
        return session.commit_input()


@dataclass(frozen=True, slots=True)
class ClearInput(SessionCommand):
    def perform(self, session: SessionPort) -> str:
        session.clear_input()
        return ""


@dataclass(frozen=True, slots=True)
class AddItem(SessionCommand):
    """`previous_item_id` is the item it follows for the client, `after` the piece of history before it."""

    draft: Draft
    previous_item_id: str | None = None
    after: str | None = None

    def perform(self, session: SessionPort) -> str:
        added: list[str] = []
        try:
            for piece in self.draft.history:
                session.add_item(piece, added[-1] if added else self.after)
                added.append(piece.item_id)
        except SottovoceError:
            for piece_id in added:  # all of it or nothing
                session.delete_item(piece_id)
            raise
        return ""


@dataclass(frozen=True, slots=True)
class DeleteItem(SessionCommand):
    item_id: str
    pieces: tuple[str, ...]

    def perform(self, session: SessionPort) -> str:
        for piece_id in self.pieces:
            session.delete_item(piece_id)
        return ""


@dataclass(frozen=True, slots=True)
class TruncateItem(SessionCommand):
    item_id: str
    audio_end_ms: int

    def perform(self, session: SessionPort) -> str:
        return session.truncate_item(self.item_id, self.audio_end_ms)


@dataclass(frozen=True, slots=True)
class Respond(SessionCommand):
    """`params` is what the client set for this response."""

    response_id: str
    options: ReplyOptions
    params: ResponseParams

    def perform(self, session: SessionPort) -> str:
        return session.respond(self.options, self.response_id)


@dataclass(frozen=True, slots=True)
class Interrupt(SessionCommand):
    """Stop a reply, begun or only promised, and drop what of it was not played yet."""

    response_id: str

    def perform(self, session: SessionPort) -> str:
        session.interrupt("client_cancelled", self.response_id)
        return ""


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection with this WebSocket close code."""

    code: int
    reason: str


Command: TypeAlias = (
    PushAudio
    | UpdateOptions
    | CommitInput
    | ClearInput
    | AddItem
    | DeleteItem
    | TruncateItem
    | Respond
    | Interrupt
)
