"""The user's spoken turns: what the session hears, told in the protocol's order.

`speech_started`, `speech_stopped`, `committed`, `item.added`, `item.done`; transcript deltas from the first
of these on, `completed` after the last.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sottovoce.conversation import events as heard
from sottovoce.realtime.audio_config import AudioInput
from sottovoce.realtime.events import audio as wire
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.items import Entry, Items, said_by_user

logger = logging.getLogger(__name__)

MAX_OPEN_TURNS = 32
"""Turns whose final transcript is awaited; more means that one will never come."""


@dataclass(slots=True)
class _Turn:
    """`seconds` is how much audio a manual commit ended; without one, the turn's own marks tell."""

    shown: str = ""
    started_ms: int = 0
    stopped_ms: int = 0
    seconds: float = 0.0
    is_committed: bool = False
    has_failed: bool = False

    @property
    def spoken(self) -> float:
        return max(0, self.stopped_ms - self.started_ms) / 1000 or round(self.seconds, 3)


class UserTurns:
    """`is_transcribed` False keeps the words from a client that asked for no transcription; `is_manual` True
    keeps from it where speech began and stopped, for the client itself says where turns end."""

    def __init__(self, items: Items) -> None:
        self.is_transcribed = True
        self.is_manual = False
        self._items = items
        self._turns: dict[str, _Turn] = {}
        self._ended_by_hand = 0.0

    def configure(self, heard: AudioInput) -> None:
        self.is_transcribed = heard.transcription is not None
        self.is_manual = heard.turn_detection is None

    def started(self, event: heard.SpeechStarted) -> list[ServerEvent]:
        if event.item_id not in self._turns:  # speech that goes on after a pause is the same turn
            self._turn(event.item_id).started_ms = event.audio_ms
        if self.is_manual:
            return []
        return [wire.SpeechStarted(item_id=event.item_id, audio_start_ms=event.audio_ms)]

    def stopped(self, event: heard.SpeechStopped) -> list[ServerEvent]:
        self._turn(event.item_id).stopped_ms = event.audio_ms
        if self.is_manual:
            return []
        return [wire.SpeechStopped(item_id=event.item_id, audio_end_ms=event.audio_ms)]

    def timed_out(self, event: heard.IdleTimedOut) -> list[ServerEvent]:
        turn = self._turn(event.item_id)
        turn.started_ms, turn.stopped_ms = event.audio_start_ms, event.audio_end_ms
        triggered = wire.TimeoutTriggered(
            item_id=event.item_id, audio_start_ms=event.audio_start_ms, audio_end_ms=event.audio_end_ms
        )
        return [triggered]

    def ended_by_hand(self, seconds: float) -> None:
        """The client committed `seconds` of audio: the next turn is made of them."""
        self._ended_by_hand = seconds

    def committed(self, item_id: str) -> list[ServerEvent]:
        """The turn becomes an item, its transcript null as yet; once, however often it is said."""
        turn = self._turn(item_id)
        if turn.is_committed or item_id in self._items:
            return []
        turn.is_committed = True
        turn.seconds, self._ended_by_hand = self._ended_by_hand, 0.0
        untold = {} if turn.has_failed else {0: turn.spoken}
        entry = self._items.add(Entry(said_by_user(item_id, None), untold=untold))
        previous = entry.previous_item_id
        committed = wire.InputCommitted(item_id=item_id, previous_item_id=previous)
        return [committed, entry.added(), entry.done()]

    def transcribed(self, event: heard.Transcript) -> list[ServerEvent]:
        """A final transcript is told once; not where its item was deleted, or said to have none."""
        if not event.is_final:
            return self._grown(event) if self.is_transcribed else []
        entry = self._items.holding(event.item_id)
        committed = self.committed(event.item_id) if entry is None else []
        shown = self._turns.pop(event.item_id, _Turn()).shown
        entry = self._items.holding(event.item_id)
        if entry is None:
            return committed
        completed = self._completed(entry, entry.pieces[event.item_id], event.text)
        rest = _rest(shown, event) if completed else []
        return [*committed, *rest, *completed]

    def failed(self, event: heard.TranscriptionFailed) -> list[ServerEvent]:
        """Told once, and never after a transcript."""
        entry = self._items.holding(event.item_id)
        index = 0 if entry is None else entry.pieces[event.item_id]
        is_news = (
            self._has_failed(event.item_id) if entry is None else entry.untold.pop(index, None) is not None
        )
        if not is_news or not self.is_transcribed:
            return []
        item_id = event.item_id if entry is None else entry.item.id
        error = wire.TranscriptError(message=event.message)
        return [wire.TranscriptFailed(item_id=item_id, content_index=index, error=error)]

    def _has_failed(self, item_id: str) -> bool:
        """A turn that is no item yet will have no transcript; False if that was known, or it was one once."""
        turn = self._turn(item_id)
        was_known, turn.has_failed = turn.has_failed or turn.is_committed, True
        return not was_known

    def _completed(self, entry: Entry, index: int, words: str) -> list[ServerEvent]:
        if entry.is_untranscribed(index):
            self._items.change(entry, entry.with_words(index, words))
        seconds = entry.untold.pop(index, None)
        if seconds is None or not self.is_transcribed:
            return []
        usage = wire.TranscriptDuration(seconds=round(seconds, 3))
        completed = wire.TranscriptCompleted(
            item_id=entry.item.id, content_index=index, transcript=words, usage=usage
        )
        return [completed]

    def _grown(self, event: heard.Transcript) -> list[ServerEvent]:
        if self._items.holding(event.item_id) is not None:  # an interim overtaken by its turn's end
            return []
        turn = self._turn(event.item_id)
        if not event.text.startswith(turn.shown):
            logger.warning("an interim transcript took words back; it is not shown")
            return []
        delta, turn.shown = event.text[len(turn.shown) :], event.text
        return [wire.TranscriptDelta(item_id=event.item_id, delta=delta)] if delta else []

    def _turn(self, item_id: str) -> _Turn:
        while len(self._turns) >= MAX_OPEN_TURNS and item_id not in self._turns:
            del self._turns[next(iter(self._turns))]
        return self._turns.setdefault(item_id, _Turn())


def _rest(shown: str, final: heard.Transcript) -> list[ServerEvent]:
    """The words that interims had not come to: clients that show deltas alone would never see them."""
    if not shown or final.text == shown or not final.text.startswith(shown):
        return []
    return [wire.TranscriptDelta(item_id=final.item_id, delta=final.text[len(shown) :])]
