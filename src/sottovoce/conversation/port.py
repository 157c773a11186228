"""One live conversation: audio and text in, session events and playout out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Protocol, TypeAlias

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation.events import SessionEvent
from sottovoce.conversation.options import SessionOptions

Role: TypeAlias = Literal["system", "user", "assistant"]
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
        """Hear `frame`, of any rate; real-time paced by the sender, bounded by dropping the oldest."""

    def update(self, options: SessionOptions) -> None:
        """Use other options from the next turn on."""

    def commit_input(self) -> str:
        """End the user's turn now; returns the id of its item.

        Raises `InvalidRequestError` (code `input_audio_buffer_commit_empty`) under 100 ms of audio.
        """

    def clear_input(self) -> None:
        """Forget the audio of the turn that is being spoken."""

    def add_message(self, role: Role, text: str, item_id: str | None = None) -> str:
        """Add a written message to the history; returns its item id."""

    def respond(self, instructions: str | None = None, response_id: str | None = None) -> str:
        """Ask for a reply to the history as it stands; returns the response's id.

        Raises `InvalidRequestError` (code `conversation_already_has_active_response`) while one is active.
        """

    def interrupt(self, reason: InterruptReason = "client_cancelled") -> bool:
        """Stop the active reply at once and drop its unheard rest; False when none was active."""
