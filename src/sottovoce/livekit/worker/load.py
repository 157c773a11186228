"""How much a worker has to do, as a share of what it can: by its places, and by its processor."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

TARGET: Final = 0.7
"""What a full worker's load is to the LiveKit server, which offers no job where it is as much or more
(`agents.target_load`), whatever the worker says of being available."""

BUSY: Final = 0.85
"""Of the processor's time: beyond it, sound would come late for everybody."""

WINDOW: Final = 2.5
"""Seconds over which the processor's time is averaged."""

STEP: Final = 0.25
"""Seconds between two looks at the clocks."""


class Clock:
    """The share of time that a clock of processor time went forward, lately."""

    def __init__(self, used: Callable[[], float], now: Callable[[], float] = time.monotonic) -> None:
        self._used, self._now = used, now
        self._seen: deque[tuple[float, float]] = deque([(now(), used())])

    @property
    def share(self) -> float:
        """1.0 is one whole core; 0.0 until `WINDOW` has passed, for a start is always busy.

        Whoever asks often gets the same answer for `STEP`.
        """
        at, seen = self._now(), self._seen
        if at - seen[-1][0] >= STEP:
            seen.append((at, self._used()))
        while at - seen[1][0] >= WINDOW if len(seen) > 1 else False:
            seen.popleft()
        passed = seen[-1][0] - seen[0][0]
        return (seen[-1][1] - seen[0][1]) / passed if passed >= WINDOW else 0.0


class Processor:
    """This process's own time: engines on the same machine use the rest by right."""

    def __init__(self, cores: float, process: Clock, loop: Clock | None) -> None:
        """`cores` are those that this process may use; `loop` is the clock of the event loop's thread."""
        self._cores, self._process, self._loop = cores, process, loop

    @property
    def share(self) -> float:
        """Of what it can do: all cores, and one for the event loop, which has no more."""
        whole = self._process.share / max(self._cores, 0.1)
        return min(1.0, max(whole, self._loop.share if self._loop is not None else 0.0))


def this_processor(cores: float) -> Processor:
    """Of this process, whose event loop runs in the calling thread."""
    return Processor(cores, Clock(time.process_time), _thread_clock(threading.get_ident()))


def _thread_clock(thread: int) -> Clock | None:
    """Not every system tells one thread's time to another."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return None
    clock = time.pthread_getcpuclockid(thread)
    return Clock(lambda: time.clock_gettime(clock))


def load(taken: int, limit: int, processor: Processor) -> float:
    """From 0 to 1, where 1 is all that a worker can do: `limit` conversations, or as much as `BUSY`."""
    return min(1.0, max(taken / limit, processor.share / BUSY))


def told(load: float) -> float:
    """As the LiveKit server is told it: below `TARGET` while there is room, 1 when there is none."""
    return load * TARGET if load < 1.0 else 1.0
