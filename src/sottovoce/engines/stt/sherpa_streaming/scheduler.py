"""Which stream is decoded next, and in which thread.

There are two lanes of threads. One decodes what people say who wait for an answer, the turn with the
earliest deadline first. The other decodes files: its threads have a lower priority, and begin nothing while a
live turn waits, unless theirs has waited for too long. A turn is one chunk of one stream, so no stream holds
a thread for longer.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sottovoce.engines.stt.sherpa_streaming.recogniser import Hearing, Recogniser
from sottovoce.engines.stt.token_words import Tokens
from sottovoce.errors import EngineCrashed, EngineError

NICENESS = 5
"""Of the threads that decode files: a third of the processor's time that others get."""
FILE_PATIENCE = 10.0
"""Seconds after which a file's turn no longer waits for live ones: nothing starves."""
LAG_MEMORY = 5.0
"""Seconds for which a turn that had to wait is remembered."""

logger = logging.getLogger(__name__)

Lane: TypeAlias = Literal["live", "file"]
LANES: tuple[Lane, ...] = ("live", "file")


@dataclass(frozen=True, slots=True)
class Result:
    """What a turn brought. `took_bytes` of the stream's audio were taken, and `chunks` of it decoded;
    `is_ready` if there could be another turn at once."""

    tokens: Tokens = field(default_factory=Tokens)
    took_bytes: int = 0
    chunks: int = 0
    is_ready: bool = False
    failure: EngineError | None = None


@dataclass(eq=False)
class Turn:
    """One chunk to be decoded. `audio` is what the hearing has yet to take, `done` is called in the thread
    that decoded. Times are the monotonic clock's; `deadline` orders the live ones."""

    hearing: Hearing
    audio: deque[bytes]
    done: Callable[[Result], None]
    ready_at: float
    deadline: float
    lane: Lane = "live"
    is_cancelled: bool = False
    started: float | None = None


@dataclass
class _Queue:
    turns: list[tuple[float, int, Turn]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def put(self, turn: Turn) -> None:
        heapq.heappush(self.turns, (turn.deadline, next(self._numbers), turn))

    def head(self) -> Turn | None:
        while self.turns and self.turns[0][2].is_cancelled:
            heapq.heappop(self.turns)
        return self.turns[0][2] if self.turns else None

    def __len__(self) -> int:
        return len(self.turns)

    def take(self, most: int) -> list[Turn]:
        taken: list[Turn] = []
        while len(taken) < most and self.head() is not None:
            taken.append(heapq.heappop(self.turns)[2])
        return taken


class Scheduler:
    """`threads` in each lane. Where more turns wait than there are threads, each takes several at once, up
    to `batch`: that needs less of the processor than one after the other, and all are ready sooner."""

    def __init__(
        self,
        recogniser: Recogniser,
        threads: int,
        batch: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recogniser, self._lane_threads, self._batch, self._clock = recogniser, threads, batch, clock
        self._queues: dict[Lane, _Queue] = {lane: _Queue() for lane in LANES}
        self._changed = threading.Condition()
        self._running: set[Turn] = set()
        self._waits: deque[tuple[float, float]] = deque(maxlen=64)
        self._is_stopping = False
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"recogniser {lane} {number}")
            for lane in LANES
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, turn: Turn) -> None:
        with self._changed:
            self._queues[turn.lane].put(turn)
            self._changed.notify_all()

    def running(self) -> Sequence[Turn]:
        """Turns that are being decoded; `started` says since when."""
        with self._changed:
            return list(self._running)

    @property
    def lag(self) -> float:
        """Seconds that a live turn waits now, or had to wait lately, for a thread."""
        with self._changed:
            now = self._clock()
            head = self._queues["live"].head()
            recent = [wait for at, wait in self._waits if at > now - LAG_MEMORY]
            return max([now - head.ready_at if head else 0.0, *recent, 0.0])

    def stop(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()

    def join(self, patience: float) -> bool:
        """Whether all threads ended within `patience` seconds. Blocks."""
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, lane: Lane) -> None:
        if lane == "file":
            _give_way()
        while turns := self._next(lane):
            self._decode(turns)

    def _next(self, lane: Lane) -> list[Turn]:
        """Wait for turns; none when it is over."""
        with self._changed:
            while not self._is_stopping:
                if self._may_begin(lane):
                    share = math.ceil(len(self._queues[lane]) / self._lane_threads)
                    return self._begun(self._queues[lane].take(min(share, self._batch)))
                self._changed.wait(FILE_PATIENCE if lane == "file" else None)
            return []

    def _may_begin(self, lane: Lane) -> bool:
        head = self._queues[lane].head()
        if head is None:
            return False
        is_alone = lane == "live" or self._queues["live"].head() is None
        return is_alone or self._clock() - head.ready_at >= FILE_PATIENCE

    def _begun(self, turns: list[Turn]) -> list[Turn]:
        now = self._clock()
        for turn in turns:
            turn.started = now
            if turn.lane == "live":
                self._waits.append((now, now - turn.ready_at))
        self._running.update(turns)
        if self._queues["live"].head() is None:
            self._changed.notify_all()  # files waited for this
        return turns

    def _decode(self, turns: list[Turn]) -> None:
        results = self._results(turns)
        with self._changed:
            self._running.difference_update(turns)
        for turn, result in zip(turns, results, strict=True):
            turn.done(result)

    def _results(self, turns: list[Turn]) -> list[Result]:
        try:
            took = [self._feed(turn) for turn in turns]
            ready = [self._recogniser.is_ready(turn.hearing) for turn in turns]
            if any(ready):
                self._recogniser.decode(
                    [turn.hearing for turn, is_full in zip(turns, ready, strict=True) if is_full]
                )
            return [self._result(*of_one) for of_one in zip(turns, took, ready, strict=True)]
        except EngineError as error:
            failure = error
        except Exception as error:  # boundary: a thread that ended would be missed by nobody
            logger.exception("the recogniser failed")
            failure = EngineCrashed(f"The recogniser failed: {error!r}.", engine="stt")
        return [Result(failure=failure) for _ in turns]

    def _feed(self, turn: Turn) -> int:
        took = 0
        while turn.audio:
            try:
                pcm = turn.audio.popleft()
            except IndexError:  # its stream was closed just now, and emptied it
                break
            self._recogniser.accept(turn.hearing, pcm)
            took += len(pcm)
        return took

    def _result(self, turn: Turn, took_bytes: int, was_ready: bool) -> Result:
        tokens, is_ready = self._recogniser.tokens(turn.hearing), self._recogniser.is_ready(turn.hearing)
        return Result(tokens, took_bytes, int(was_ready), is_ready)


def _give_way() -> None:
    """Linux has priorities of single threads; elsewhere files are only begun when nobody waits."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
