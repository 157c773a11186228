"""How long to wait before the next try."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Waits double from `first` to `longest` seconds; a life that stood for `stable_after` starts them anew.

    After `patience` failures without one the trouble is not passing: `is_exhausted`, and tries are `slow`
    seconds apart.
    """

    first: float = 0.1
    longest: float = 5.0
    slow: float = 15.0
    stable_after: float = 20.0
    patience: int = 6
    failures: int = field(default=0, init=False)

    @property
    def is_exhausted(self) -> bool:
        return self.failures >= self.patience

    def delay(self, stood: float) -> float:
        """Count a failure after `stood` seconds of being ready, and give the wait before the next try."""
        self.failures = 1 if stood >= self.stable_after else self.failures + 1
        if self.is_exhausted:
            return self.slow
        return min(self.first * 2.0 ** (self.failures - 1), self.longest)
