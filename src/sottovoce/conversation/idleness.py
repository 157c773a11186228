"""Nobody says anything: when the assistant is to speak up by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

IDLE_NOTE = (
    "The user has said nothing for a while. In one short sentence, ask whether they are still there, for "
    'instance "Are you still there?"'
)
"""Told to the model for the reply to silence."""


class Idleness:
    """Calls `on_idle` once for each silence that lasts `timeout` seconds, None for never.

    A silence begins when a reply is over; it ends when the user speaks or a reply is asked for. The reply to
    a silence does not begin another, or a room that everybody left would be talked to for ever.
    """

    def __init__(self, on_idle: Callable[[], None]) -> None:
        self._on_idle = on_idle
        self._timeout: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_quiet = False
        self._is_answered = False

    @property
    def timeout(self) -> float | None:
        return self._timeout

    @timeout.setter
    def timeout(self, timeout: float | None) -> None:
        if timeout != self._timeout:
            self._timeout = timeout
            self._rearm()

    def begin(self) -> None:
        """It is quiet from now on."""
        self._is_quiet = True
        self._rearm()

    def pause(self) -> None:
        """The assistant is heard."""
        self._is_quiet = False
        self._disarm()

    def end(self) -> None:
        """The user spoke, or something was asked for."""
        self._is_answered = False
        self.pause()

    def _rearm(self) -> None:
        self._disarm()
        if self._timeout is not None and self._is_quiet and not self._is_answered:
            self._timer = asyncio.get_running_loop().call_later(self._timeout, self._fire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self._is_answered = True
        self._on_idle()
