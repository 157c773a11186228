"""An engine that seems well to whoever looks, and answers nobody who asks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

SUSPICIONS = 3
"""Deadlines that pass before a child is ended for it: one may be a request that is hard, two bad luck."""

WINDOW = 60.0
"""Seconds in which they have to fall."""


@dataclass(slots=True)
class Suspicion:
    """Counts deadlines that passed."""

    _times: deque[float] = field(default_factory=lambda: deque(maxlen=SUSPICIONS), init=False)

    def is_enough(self, now: float) -> bool:
        """Count one more. When there are enough, counting begins anew."""
        self._times.append(now)
        is_enough = len(self._times) == SUSPICIONS and now - self._times[0] <= WINDOW
        if is_enough:
            self._times.clear()
        return is_enough
