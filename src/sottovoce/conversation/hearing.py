"""The user's side of a session: the turn that is being spoken, told as session events."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from livekit.agents import UserStateChangedEvent, llm

from sottovoce.conversation.agent_session import TURN_SILENCE
from sottovoce.conversation.assistant import TurnFate
from sottovoce.conversation.engines import Used, together
from sottovoce.conversation.events import (
    SessionEvent,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    TranscriptionFailed,
    TurnCommitted,
)
from sottovoce.conversation.options import TurnOptions
from sottovoce.conversation.turn import Clock, Turn
from sottovoce.conversation.turn_detection import is_complete
from sottovoce.errors import EngineError
from sottovoce.ids import random_id

SETTLING = 0.1
"""Seconds of audio beyond the silence that ends a turn, for AgentSession to have seen it too."""


class HearingListener(Protocol):
    def speech_started(self) -> None: ...

    def turn_over(self, turn: Turn) -> None:
        """The user's turn ended; all of it is transcribed that could be."""

    def deaf(self, error: EngineError, *, is_first: bool) -> None:
        """The recogniser failed; whether it is an outage's first failure."""


class Hearing:
    """Hears from AgentSession and the recogniser; `answering` is the turn that the next reply answers."""

    def __init__(
        self,
        emit: Callable[[SessionEvent], None],
        *,
        now: Clock,
        heard_ms: Callable[[], int],
        listener: HearingListener,
    ) -> None:
        """`heard_ms` is the input clock."""
        self._emit = emit
        self._now = now
        self._heard_ms = heard_ms
        self._listener = listener
        self._is_deaf = False
        self.options: TurnOptions | None = TurnOptions()
        """None where turns end by hand."""
        self.should_reply = True
        self.is_speaking = False
        self.turn: Turn | None = None
        self.answering: Turn | None = None
        self._booked: deque[Turn] = deque()

    def user_state_changed(self, event: UserStateChangedEvent) -> None:
        self.is_speaking = event.new_state == "speaking"
        if self.is_speaking:
            self._started(event.created_at)
        elif event.old_state == "speaking" and self.turn is not None:
            self._stopped(self.turn, event.created_at)

    def _started(self, moment: float) -> None:
        turn = self.open_turn()
        turn.is_stopped = False
        self._listener.speech_started()
        if turn.committed is None:
            padding = self.options.prefix_padding_ms if self.options else 0
            self._emit(SpeechStarted(turn.item_id, self._audio_ms(moment, padding)))

    def _stopped(self, turn: Turn, moment: float) -> None:
        turn.is_stopped = True
        if turn.committed is None:
            self._emit(SpeechStopped(turn.item_id, self._audio_ms(moment)))
        self._drop_silence()

    def open_turn(self) -> Turn:
        """The turn being spoken, begun now if there is none."""
        if self.turn is None:
            self.turn = self._booked[0] if self._booked else Turn(random_id("item"))
        return self.turn

    def book(self) -> Turn:
        """The turn that ends where the input ends now; it is told as committed, and finished by `finish`."""
        if self.turn is not None and self.turn not in self._booked:
            turn = self.turn
        else:
            turn = Turn(random_id("item"))
        turn.committed = self._now()
        self._booked.append(turn)
        self._emit(TurnCommitted(turn.item_id))
        return turn

    def finish(self, turn: Turn) -> None:
        """All of a booked turn is transcribed; the next reply answers it."""
        self._booked.remove(turn)
        self._end(turn)

    @property
    def has_booked(self) -> bool:
        return bool(self._booked)

    def drop_turn(self) -> None:
        self.turn = None

    def is_undecided(self, silence: float) -> bool:
        """Whether `silence` seconds of it are enough to end the turn, and it has not ended yet."""
        turn, options = self.turn, self.options
        if turn is None or options is None or (turn.segments == 0 and not turn.said):
            return False
        is_short = turn.segments > 0 or is_complete(turn.said)
        wait = max(options.silence, TURN_SILENCE) if is_short else options.max_wait
        return silence >= wait + SETTLING

    def _audio_ms(self, moment: float, earlier_ms: int = 0) -> int:
        return max(0, self._heard_ms() - int((self._now() - moment) * 1000) - earlier_ms)

    def speech_paused(self, ended_at: float) -> None:
        turn = self.open_turn()
        turn.speech_ended, turn.pause_seen = ended_at, self._now()

    def segment_finished(self) -> None:
        self.open_turn().segments += 1

    def recognised(self, text: str, used: Used | None = None) -> None:
        self._is_deaf = False
        if self.turn is None:
            return
        if used is not None:
            self.turn.heard_by = together({"stt": (*self.turn.heard_by, used)})["stt"]
        self.turn.segments -= 1
        self.turn.transcribed = self._now()
        self.turn.add_final(text)
        self._drop_silence()

    def recognition_failed(self, error: EngineError) -> None:
        if self.turn is not None:
            self.turn.segments -= 1
            self.turn.is_failed = True
            self._emit(TranscriptionFailed(self.turn.item_id, error.message))
            self._drop_silence()
        self._listener.deaf(error, is_first=not self._is_deaf)
        self._is_deaf = True

    def interim(self, text: str) -> None:
        if self.turn is not None and self.turn.show_interim(text):
            self._emit(Transcript(self.turn.item_id, self.turn.shown, is_final=False))

    def turn_completed(self, message: llm.ChatMessage) -> TurnFate:
        """AgentSession found the turn over. What was heard in it is ours to say."""
        turn = self.turn
        if turn is None or turn.committed is not None or not turn.said:
            return "drop"
        message.id, message.content = turn.item_id, [turn.said]
        self.commit(turn)
        return "answer" if self.should_reply else "keep"

    def commit(self, turn: Turn) -> None:
        turn.committed = self._now()
        self._emit(TurnCommitted(turn.item_id))
        self._end(turn)

    def _end(self, turn: Turn) -> None:
        if self.turn is turn:
            self.turn = None
        self.answering = turn
        if turn.said or not turn.is_failed:
            self._emit(Transcript(turn.item_id, turn.said, is_final=True))
        self._listener.turn_over(turn)

    def _drop_silence(self) -> None:
        """A turn that stopped without a word is committed as empty, and gets no reply."""
        turn = self.turn
        if turn is not None and turn.is_empty and turn.committed is None and self.options is not None:
            self.commit(turn)
            self.answering = None

    def take_answering(self) -> Turn | None:
        """The turn that a reply begun now answers; no later reply does."""
        turn, self.answering = self.answering, None
        return turn
