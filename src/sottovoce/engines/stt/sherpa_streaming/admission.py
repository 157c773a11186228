"""Whether another stream can be heard in time."""

from __future__ import annotations

from dataclasses import dataclass

from sottovoce.engines.stt.overload import overloaded
from sottovoce.engines.stt.sherpa_streaming.pace import Pace
from sottovoce.errors import LimitExceededError

MAX_STREAMS = 16
"""Open at a time, hearing or not: each holds the state of the model, up to 45 MB."""
MAX_LAG = 1.0
"""Seconds that a live turn may have waited for a thread; past it the machine does not keep up."""
SHARE = 0.8
"""Of the processor's time that may be planned for hearing: the language model and the voice need some, and
speech does not come evenly."""
LEAST_FACTOR = 1e-6
"""Keeps a clock's grain from dividing by nothing."""


@dataclass(frozen=True, slots=True)
class Admission:
    """`capacity` is how many may speak at once. Raises nothing for files: they wait."""

    capacity: int
    max_streams: int = MAX_STREAMS
    max_lag: float = MAX_LAG

    @classmethod
    def at(cls, pace: Pace, threads: int) -> Admission:
        in_time = int(SHARE * threads / max(pace.real_time_factor, LEAST_FACTOR))
        return cls(min(max(1, in_time), MAX_STREAMS))

    def check(self, streams: int, hearing: int, lag: float, *, is_live: bool) -> None:
        """Raises `LimitExceededError` unless there is room for one more."""
        if streams >= self.max_streams:
            raise LimitExceededError(
                f"All {self.max_streams} streams of the recogniser are in use; try again in a moment."
            )
        if is_live and hearing >= self.capacity:
            raise overloaded(
                f"Already {self.capacity} are speaking; with this model the machine would not keep up with "
                "more; try again in a moment."
            )
        if is_live and lag > self.max_lag:
            raise overloaded(
                f"The recogniser is {lag:.1f} s behind: this machine does not keep up. Try again later."
            )
