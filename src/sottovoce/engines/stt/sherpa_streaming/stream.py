"""One speaker's stream: takes audio in the event loop, has it decoded in threads, tells what was heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from sottovoce.engines.stt.base import BYTES_PER_SECOND, InterimListener, SegmentListener
from sottovoce.engines.stt.sherpa_streaming.pace import Pace
from sottovoce.engines.stt.sherpa_streaming.recogniser import Recogniser
from sottovoce.engines.stt.sherpa_streaming.scheduler import Lane, Result, Scheduler, Turn
from sottovoce.engines.stt.sherpa_streaming.utterance import HeardUtterance
from sottovoce.errors import EngineUnavailable, SottovoceError

MAX_WAITING = {"live": 4.0, "file": 2.0}
"""Seconds of audio, beyond a chunk, that wait to be decoded; who pushes more waits with it. Bounds memory,
and throttles files, which come faster than they can be heard."""


@dataclass(frozen=True, slots=True)
class Listeners:
    interim: InterimListener | None = None
    segment: SegmentListener | None = None
    close: Callable[[], None] = lambda: None
    """Called once, when the stream is closed."""


class SherpaStream:
    """A `TranscriberStream`. An utterance is a hearing of its own: nothing of the one before is in it."""

    def __init__(
        self,
        recogniser: Recogniser,
        scheduler: Scheduler,
        pace: Pace,
        listeners: Listeners,
        *,
        lane: Lane = "live",
        language: str = "",
    ) -> None:
        self._recogniser, self._scheduler, self._pace = recogniser, scheduler, pace
        self._listeners, self.lane, self._language = listeners, lane, language
        self._loop = asyncio.get_running_loop()
        self._failure: SottovoceError | None = None
        self._turn: Turn | None = None
        self._progress = asyncio.Event()
        self.first_chunk: float | None = None
        """Seconds from an utterance's first full chunk to its words, lately."""
        self._begin()

    @property
    def is_hearing(self) -> bool:
        """Whether somebody is speaking: it has an utterance, and so takes its share of the machine."""
        return self._utterance.pushed_bytes > 0

    @property
    def turn(self) -> Turn | None:
        return self._turn

    async def push(self, pcm: bytes) -> None:
        self._check()
        if not pcm:
            return
        utterance = self._utterance
        utterance.push(pcm)
        self._schedule()
        most = int(MAX_WAITING[self.lane] * BYTES_PER_SECOND) + self._pace.first_bytes
        while utterance is self._utterance and utterance.waiting_bytes > most:
            await self._next_progress()

    async def finish(self) -> str:
        self._check()
        utterance = self._utterance
        if not utterance.pushed_bytes:
            return ""
        utterance.end()
        self._schedule()
        try:
            while not utterance.is_over or self._turn is not None:
                await self._next_progress()
        finally:
            self._begin()
        self._tell_segment(utterance)
        return utterance.text

    async def reset(self) -> None:
        self._check()
        self._begin()

    async def aclose(self) -> None:
        self.fail(EngineUnavailable("The recogniser's stream was closed.", engine="stt"))

    def fail(self, failure: SottovoceError) -> None:
        """Whoever waits for it gets that; closes it."""
        if self._failure is not None:
            return
        self._failure = failure
        self._drop_turn()
        self._utterance.audio.clear()
        self._progress.set()
        self._listeners.close()

    def _begin(self) -> None:
        """Forget the utterance, whose turn may still be decoded; nobody hears of that."""
        self._drop_turn()
        hearing = self._recogniser.begin(self._language)
        self._utterance = HeardUtterance(hearing, self._pace, self._language)
        self._interim = ""
        self._progress.set()

    def _drop_turn(self) -> None:
        if self._turn is not None:
            self._turn.is_cancelled = True
            self._turn = None

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _next_progress(self) -> None:
        self._progress.clear()
        await self._progress.wait()
        self._check()

    def _schedule(self) -> None:
        """Ask for a turn if there is work. What ends is more urgent than what goes on: somebody waits for its
        words, while an interim transcript has until the next."""
        utterance = self._utterance
        if self._turn is not None or self._failure is not None or not utterance.has_work:
            return
        now = time.monotonic()
        self._turn = turn = Turn(
            utterance.hearing,
            utterance.audio,
            lambda result: self._hand_over(turn, result),
            ready_at=now,
            deadline=now if utterance.is_ending else now + self._pace.chunk,
            lane=self.lane,
        )
        self._scheduler.submit(turn)

    def _hand_over(self, turn: Turn, result: Result) -> None:
        """From a thread to the event loop, which may have ended."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._learn, turn, result)

    def _learn(self, turn: Turn, result: Result) -> None:
        if turn.is_cancelled:
            return
        self._turn = None
        if result.failure is not None:
            self.fail(result.failure)
            return
        utterance = self._utterance
        if utterance.chunks == 0 and result.chunks:
            self.first_chunk = time.monotonic() - turn.ready_at
        utterance.learn(result)
        try:
            self._tell(utterance)
        except SottovoceError as error:  # a listener that takes no more
            self.fail(error)
        self._schedule()
        self._progress.set()

    def _tell(self, utterance: HeardUtterance) -> None:
        if utterance.interim != self._interim:
            self._interim = utterance.interim
            if self._listeners.interim is not None:
                self._listeners.interim(self._interim)
        if utterance.is_time_to_cut():
            self._recogniser.cut(utterance.hearing)
            self._tell_segment(utterance)

    def _tell_segment(self, utterance: HeardUtterance) -> None:
        segment = utterance.segment()
        if segment is not None and self._listeners.segment is not None:
            self._listeners.segment(segment)
