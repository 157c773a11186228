"""Whether an engine is worth asking: what it did last, told in three states.

closed: it is asked. open: it failed, and is passed over until it says that it is well. half open: it says
so, and one request finds out, with less patience than usual, since somebody has waited for it once already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

BreakerState: TypeAlias = Literal["closed", "open", "half_open"]

FAILURES = 2
"""In a row, of an engine that refuses or breaks off: a single one may be a restart. One that lets its
deadline pass has cost the user enough the first time."""
TRIAL_SHARE = 1 / 3
"""Of its deadline that an engine on trial gets."""
TRIAL_MARGIN = 1.5
"""Times what it is known to take when it works, if that is more: who is merely slow comes back, too."""
FIRST_REST, LONGEST_REST = 2.0, 60.0
"""Seconds before an engine that failed is looked at again; twice as many after each trial that fails."""


@dataclass(slots=True)
class Breaker:
    """Of one engine; `now` counts seconds."""

    now: Callable[[], float]
    state: BreakerState = "closed"
    failures: int = 0
    """In a row."""
    openings: int = 0
    """Since it last worked."""
    reason: str = ""
    """Of the last failure, for people."""
    slowest: float = 0.0
    """Seconds that it has taken and still worked."""
    trial_until: float = 0.0

    @property
    def rest(self) -> float:
        """Seconds to wait before looking whether it is well again."""
        return float(min(FIRST_REST * 2 ** max(0, self.openings - 1), LONGEST_REST))

    @property
    def can_be_tried(self) -> bool:
        """Nobody is trying it right now; one that gave up without a verdict does not block it for ever."""
        return self.state == "half_open" and self.now() >= self.trial_until

    def trial(self, deadline: float) -> float:
        """Begin one; returns the seconds it may take."""
        patience = self.trial_patience(deadline)
        self.trial_until = self.now() + patience
        return patience

    def trial_patience(self, deadline: float) -> float:
        return min(deadline, max(TRIAL_SHARE * deadline, TRIAL_MARGIN * self.slowest))

    def succeeded(self, took: float = 0.0) -> bool:
        """It worked, after `took` seconds; True where that closes it."""
        was_closed, self.state = self.state == "closed", "closed"
        self.failures = self.openings = 0
        self.slowest = max(self.slowest, took)
        return not was_closed

    def failed(self, reason: str, *, is_late: bool = False) -> bool:
        """It failed, or `is_late`; True where that opens it."""
        self.failures += 1
        self.reason = reason
        if self.state == "closed" and not is_late and self.failures < FAILURES:
            return False
        was_open, self.state = self.state == "open", "open"
        self.openings += not was_open
        return not was_open

    def says_it_is_well(self) -> None:
        if self.state == "open":
            self.state, self.trial_until = "half_open", 0.0
