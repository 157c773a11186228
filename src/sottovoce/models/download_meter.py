"""How far a download is and how fast it goes, told a few times a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from sottovoce.models.download_job import Progress, Step

TELL_INTERVAL = 0.2
"""Seconds between two tellings: eyes see no more, and a bar costs time to draw."""
RATE_WINDOW = 5.0
"""Seconds that the rate is the mean of: long enough to be calm, short enough to be true."""


class Meter:
    """Counts bytes; `tell` gets the progress. Changes of file and step are told at once."""

    def __init__(self, tell: Callable[[Progress], None], now: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._now = tell, now
        self._progress = Progress(step="asking")
        self._told_at = -TELL_INTERVAL
        self._arrivals: deque[tuple[float, int]] = deque()
        self.high_water = 0
        """The most bytes that were here at a time: whether attempts bring anything."""

    @property
    def progress(self) -> Progress:
        return self._progress

    def step(self, step: Step, note: str = "") -> None:
        self._change(step=step, note=note)
        self._say()

    def plan(self, total_bytes: int, here_bytes: int, file_count: int) -> None:
        """What the hub has announced, and what of it is here."""
        self._change(total_bytes=total_bytes, bytes=here_bytes, file_count=file_count)
        self.high_water = here_bytes

    def begin(self, file: str, number: int, total_bytes: int, here_bytes: int = 0) -> None:
        """The next file."""
        self._change(file=file, file_number=number, file_total_bytes=total_bytes, file_bytes=here_bytes)
        self._say()

    def add(self, count: int) -> None:
        """So many more bytes have come."""
        self._arrivals.append((self._now(), count))
        self._count(count)
        self._say_sometimes()

    def drop(self, count: int) -> None:
        """So many of the present file were no good."""
        self._count(-count)

    def check(self, count: int) -> None:
        """So many more bytes of the present file were read back."""
        self._change(file_bytes=self._progress.file_bytes + count)
        self._say_sometimes()

    def _count(self, count: int) -> None:
        progress = self._progress
        self._change(bytes=progress.bytes + count, file_bytes=progress.file_bytes + count)
        self.high_water = max(self.high_water, self._progress.bytes)

    def _change(self, **facts: object) -> None:
        self._progress = self._progress.model_copy(update=facts)

    def _say_sometimes(self) -> None:
        if self._now() - self._told_at >= TELL_INTERVAL:
            self._say()

    def _say(self) -> None:
        self._told_at = self._now()
        self._change(rate=self._rate() if self._progress.step == "fetching" else 0.0)
        self._tell(self._progress)

    def _rate(self) -> float:
        """Bytes a second over the window, or since the first that came."""
        now = self._now()
        while self._arrivals and now - self._arrivals[0][0] > RATE_WINDOW:
            self._arrivals.popleft()
        if not self._arrivals:
            return 0.0
        span = max(now - self._arrivals[0][0], TELL_INTERVAL)
        return sum(count for _, count in self._arrivals) / span
