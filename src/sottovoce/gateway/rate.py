"""How often somebody may do something."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from sottovoce.errors import LimitExceededError


class Rate:
    """`burst` at once, and from then on one every `interval` seconds, for each client on its own.

    The generic cell rate algorithm (ITU-T I.371): a client is as far ahead as it has spent, and may be so by
    the whole burst. `now` gives seconds that never go back.
    """

    def __init__(
        self, burst: int, interval: float, noun: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._ahead, self._interval, self._noun, self._now = burst * interval, interval, noun, now
        self._due: dict[str, float] = {}
        self._tidied = now()

    def __len__(self) -> int:
        """The clients that are remembered: those whose burst is not whole again."""
        return len(self._due)

    def spend(self, client: str) -> None:
        """Raises `LimitExceededError` with the time after which there is one again."""
        now = self._now()
        self._tidy(now)
        due = max(self._due.get(client, now), now) + self._interval
        if (early := due - now - self._ahead) > 0:
            raise LimitExceededError(
                f"You have asked for too many {self._noun}; there is one every {self._interval:g} s.",
                retry_after=math.ceil(early),
            )
        self._due[client] = due

    def _tidy(self, now: float) -> None:
        """Forget those who may spend all of it again, once per burst: each call stays short."""
        if now - self._tidied >= self._ahead:
            self._due = {client: due for client, due in self._due.items() if due > now}
            self._tidied = now
