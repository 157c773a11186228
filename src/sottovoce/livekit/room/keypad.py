"""Keys of a telephone, collected until they are a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

PAUSE: Final = 2.0
"""Seconds without another key after which those that were pressed are a turn."""
END: Final = "#"
"""The key that ends a turn at once."""
MAX_DIGITS: Final = 32
"""Of one turn: longer than any number that people type, and no memory for one who leans on a key."""


class Keypad:
    """`finished` is told the keys of each turn, as "1 2 3", and who pressed them. `#` alone is a turn too."""

    def __init__(self, finished: Callable[[str, str], None]) -> None:
        self._finished = finished
        self._pressed: dict[str, str] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def press(self, identity: str, digit: str) -> None:
        self._stop(identity)
        pressed = self._pressed.pop(identity, "")
        if digit == END:
            return self._finished(identity, " ".join(pressed or END))
        self._pressed[identity] = pressed = pressed + digit
        if len(pressed) >= MAX_DIGITS:
            return self._finish(identity)
        self._timers[identity] = asyncio.get_running_loop().call_later(PAUSE, self._finish, identity)

    def forget(self, identity: str) -> None:
        """They have gone."""
        self._stop(identity)
        self._pressed.pop(identity, None)

    def close(self) -> None:
        for identity in tuple(self._pressed):
            self.forget(identity)

    def _finish(self, identity: str) -> None:
        self._stop(identity)
        self._finished(identity, " ".join(self._pressed.pop(identity)))

    def _stop(self, identity: str) -> None:
        timer = self._timers.pop(identity, None)
        if timer is not None:
            timer.cancel()
