"""The user's spoken turns: what the session hears, told in the protocol's order.

`speech_started`, `speech_stopped`, `committed`, `item.added`, `item.done`; transcript deltas from the first
of these on, `completed` after the last.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sottovoce.conversation import events as heard
from sottovoce.realtime.events import audio as wire
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.items import Items, said_by_user

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

    @property
    def usage(self) -> wire.TranscriptDuration:
        spoken = max(0, self.stopped_ms - self.started_ms) / 1000
        return wire.TranscriptDuration(seconds=spoken or round(self.seconds, 3))


class UserTurns:
    """`is_transcribed` False keeps the words from a client that asked for no transcription."""

    def __init__(self, items: Items) -> None:
        self.is_transcribed = True
        self._items = items
        self._turns: dict[str, _Turn] = {}
        self._ended_by_hand = 0.0

    def started(self, event: heard.SpeechStarted) -> list[ServerEvent]:
        if event.item_id not in self._turns:  # speech that goes on after a pause is the same turn
            self._turn(event.item_id).started_ms = event.audio_ms
        return [wire.SpeechStarted(item_id=event.item_id, audio_start_ms=event.audio_ms)]

    def stopped(self, event: heard.SpeechStopped) -> list[ServerEvent]:
        self._turn(event.item_id).stopped_ms = event.audio_ms
        return [wire.SpeechStopped(item_id=event.item_id, audio_end_ms=event.audio_ms)]

    def ended_by_hand(self, seconds: float) -> None:
        """The client committed `seconds` of audio: the next turn is made of them."""
        self._ended_by_hand = seconds

    def committed(self, item_id: str) -> list[ServerEvent]:
        """The turn becomes an item, its transcript null as yet; once, however often it is said."""
        if item_id in self._items:
            return []
        self._turn(item_id).seconds, self._ended_by_hand = self._ended_by_hand, 0.0
        entry = self._items.append(said_by_user(item_id, None))
        previous = entry.previous_item_id
        committed = wire.InputCommitted(item_id=item_id, previous_item_id=previous)
        return [committed, entry.added(), entry.done()]

    def transcribed(self, event: heard.Transcript) -> list[ServerEvent]:
        if not event.is_final:
            return self._grown(event) if self.is_transcribed else []
        committed = self.committed(event.item_id)
        turn = self._turns.pop(event.item_id, _Turn())
        self._items.replace(said_by_user(event.item_id, event.text))
        if not self.is_transcribed:
            return committed
        completed = wire.TranscriptCompleted(item_id=event.item_id, transcript=event.text, usage=turn.usage)
        return [*committed, completed]

    def failed(self, event: heard.TranscriptionFailed) -> list[ServerEvent]:
        if not self.is_transcribed:
            return []
        error = wire.TranscriptError(message=event.message)
        return [wire.TranscriptFailed(item_id=event.item_id, error=error)]

    def _grown(self, event: heard.Transcript) -> list[ServerEvent]:
        if event.item_id in self._items:  # an interim that was overtaken by its turn's end
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
