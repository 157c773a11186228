"""The user's side of a session: the turn that is being spoken, told as session events."""

from __future__ import annotations

from collections.abc import Callable

from livekit.agents import UserInputTranscribedEvent, UserStateChangedEvent, llm

from sottovoce.conversation.events import (
    SessionEvent,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    TranscriptionFailed,
    TurnCommitted,
)
from sottovoce.conversation.turn import Clock, Turn
from sottovoce.errors import EngineError
from sottovoce.ids import random_id


class Hearing:
    """Hears from AgentSession and the recogniser; `answering` is the turn that the next reply answers."""

    def __init__(
        self,
        emit: Callable[[SessionEvent], None],
        *,
        now: Clock,
        heard_ms: Callable[[], int],
        on_deaf: Callable[[EngineError, bool], None],
    ) -> None:
        """`heard_ms` is the input clock; `on_deaf` gets each failure, and whether it is an outage's first."""
        self._emit = emit
        self._now = now
        self._heard_ms = heard_ms
        self._on_deaf = on_deaf
        self._is_deaf = False
        self.should_reply = True
        self.prefix_padding_ms = 0
        self.turn: Turn | None = None
        self.answering: Turn | None = None

    def user_state_changed(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            turn = self.open_turn()
            turn.is_stopped = False
            self._emit(SpeechStarted(turn.item_id, self._audio_ms(event.created_at, self.prefix_padding_ms)))
        elif event.old_state == "speaking" and self.turn is not None:
            self.turn.is_stopped = True
            self._emit(SpeechStopped(self.turn.item_id, self._audio_ms(event.created_at)))
            self._drop_silence()

    def open_turn(self) -> Turn:
        """The turn being spoken, begun now if there is none."""
        if self.turn is None:
            self.turn = Turn(random_id("item"))
        return self.turn

    def drop_turn(self) -> None:
        self.turn = None

    def _audio_ms(self, moment: float, earlier_ms: int = 0) -> int:
        return max(0, self._heard_ms() - int((self._now() - moment) * 1000) - earlier_ms)

    def speech_paused(self, ended_at: float) -> None:
        turn = self.open_turn()
        turn.segments += 1
        turn.speech_ended, turn.pause_seen = ended_at, self._now()

    def recognised(self, text: str) -> None:
        self._is_deaf = False
        if self.turn is None:
            return
        self.turn.segments -= 1
        self.turn.transcribed = self._now()
        self.turn.add_final(text)
        self._drop_silence()

    def recognition_failed(self, error: EngineError) -> None:
        if self.turn is not None:
            self.turn.segments -= 1
            self._emit(TranscriptionFailed(self.turn.item_id, error.message))
            self._drop_silence()
        self._on_deaf(error, not self._is_deaf)
        self._is_deaf = True

    def transcribed(self, event: UserInputTranscribedEvent) -> None:
        if self.turn is not None and not event.is_final and self.turn.show_interim(event.transcript):
            self._emit(Transcript(self.turn.item_id, self.turn.shown, is_final=False))

    def turn_completed(self, message: llm.ChatMessage) -> bool:
        self.commit(message.text_content or "")
        return self.should_reply

    def commit(self, text: str) -> None:
        """The turn ends with `text`; the next reply answers it."""
        turn, self.turn = self.open_turn(), None
        turn.committed = self._now()
        self.answering = turn
        self._emit(TurnCommitted(turn.item_id))
        self._emit(Transcript(turn.item_id, text, is_final=True))

    def _drop_silence(self) -> None:
        """A turn that stopped without a word is committed as empty, and gets no reply."""
        if self.turn is not None and self.turn.is_empty:
            self.commit("")
            self.answering = None

    def take_answering(self) -> Turn | None:
        """The turn that a reply begun now answers; no later reply does."""
        turn, self.answering = self.answering, None
        return turn
