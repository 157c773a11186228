"""How quickly this machine hears with a model, and what follows: who is let in, and when it hangs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sottovoce.engines.stt.overload import overloaded

TRIAL = 4.0
"""Seconds of noise that are heard before the first stream."""
MEMORY = 0.8
"""Of the measured speed, which follows the machine's load."""
MAX_BEHIND = 5.0
"""Seconds of work waiting in front of somebody who speaks; with more, a conversation is none any more."""
PATIENCE = 10.0
TIMES_EXPECTED = 20
LONGEST_PATIENCE = 120.0
"""A segment may take 10 s and 20 times what it takes this machine when that has nothing else to do, but no
longer than two minutes; then the process is taken for hung, and killed."""


@dataclass
class Pace:
    """`speed` is the real-time factor: seconds of work for a second of speech. `behind` is how many seconds
    of live speech wait or are being heard."""

    model: str
    patience: float = PATIENCE
    speed: float = 0.0
    behind: float = 0.0

    def admit(self, speaking: int) -> None:
        """Raises `LimitExceededError` where one more beside those would have to wait, and all of them."""
        speakers = speaking + 1
        if self.behind * self.speed > MAX_BEHIND or (speakers > 1 and speakers * self.speed > 1.0):
            raise overloaded(
                f"This machine cannot keep up with another speaker: a second of speech takes {self.model} "
                f"{self.speed:.2f} s, and {speaking} are speaking. A smaller model is quicker."
            )

    @contextmanager
    def waiting(self, duration: float) -> Iterator[None]:
        self.behind += duration
        try:
            yield
        finally:
            self.behind -= duration

    def learn(self, took: float, duration: float) -> None:
        self.speed = MEMORY * self.speed + (1 - MEMORY) * took / duration

    def deadline(self, duration: float) -> float:
        """Seconds for a segment."""
        return min(LONGEST_PATIENCE, self.patience + TIMES_EXPECTED * self.speed * duration)
