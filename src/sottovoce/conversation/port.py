"""One live conversation: audio and text in, session events and playout out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Protocol, TypeAlias

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation.events import SessionEvent
from sottovoce.conversation.history import HistoryItem
from sottovoce.conversation.options import ReplyOptions, SessionOptions

InterruptReason: TypeAlias = Literal["turn_detected", "client_cancelled"]


class PlayoutSource(Protocol):
    output_delay: float
    """Seconds between a pull and the ear; the transport sets what it knows of itself."""

    def pull(self) -> PlayoutFrame | None:
        """The next 20 ms of speech, or None when there is nothing to play now. Never waits."""


class SessionPort(Protocol):
    """The face a session shows its transport; `Session` is the real one, tests bring fakes."""

    @property
    def id(self) -> str: ...

    @property
    def options(self) -> SessionOptions: ...

    @property
    def playout(self) -> PlayoutSource: ...

    async def start(self) -> None:
        """Ready to hear; raises `EngineError` when an engine cannot be reached."""

    async def aclose(self) -> None:
        """End everything, cancel what is running; `events()` then ends. Idempotent."""

    def events(self) -> AsyncIterator[SessionEvent]:
        """What happens, in order, for one reader."""

    def push_audio(self, frame: AudioFrame) -> None:
        """Hear `frame`, of any rate and length, in real time or as fast as the sender likes.

        Raises `InvalidRequestError` (code `input_audio_buffer_overflow`) when six minutes wait to be heard.
        """

    def update(self, options: SessionOptions) -> None:
        """Use other options from the next turn and the next reply on.

        Raises `InvalidRequestError` when `tool_choice` names no tool.
        """

    def commit_input(self) -> str:
        """End the user's turn now; returns the id of its item.

        Raises `InvalidRequestError` (code `input_audio_buffer_commit_empty`) under 100 ms of audio.
        """

    def clear_input(self) -> None:
        """Forget the audio of the turn that is being spoken."""

    def add_item(self, item: HistoryItem, after: str | None = None) -> None:
        """Add `item` to the history: at its end, or right after the item `after` (`FIRST`: before all).

        An unknown `after` counts as the end. Raises `InvalidRequestError` for too long a recording.
        """

    def delete_item(self, item_id: str) -> None:
        """Take an item out of the history; its id is free again. Unknown ids are ignored."""

    def truncate_item(self, item_id: str, audio_end_ms: int) -> str:
        """Cut a spoken reply that has ended to what was heard by then; returns the words that stay.

        Raises `InvalidRequestError` (code `item_truncate_invalid_item_id`) for anything else, and for a reply
        that is long past.
        """

    def respond(self, options: ReplyOptions | None = None, response_id: str | None = None) -> str:
        """Ask for a reply to the history as it stands; returns the response's id.

        Raises `InvalidRequestError` (code `conversation_already_has_active_response`) while one is active
        and another in the conversation is asked for, or when `tool_choice` names no tool, and
        `LimitExceededError` for too many replies beside the conversation.
        """

    def interrupt(self, reason: InterruptReason = "client_cancelled", response_id: str | None = None) -> bool:
        """Stop the active reply, or the one that `response_id` names, also if it is only promised, at once.

        Its unheard rest is dropped. False when none was active.
        """
