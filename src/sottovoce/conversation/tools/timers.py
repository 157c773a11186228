"""Timers and reminders of one session, announced aloud when due."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from livekit.agents.llm import ToolError
from rapidfuzz import fuzz

from sottovoce.skills.chance import join_words
from sottovoce.skills.durations import say_duration
from sottovoce.skills.facts import to_user

logger = logging.getLogger(__name__)

MAX_TIMERS = 20
"""Of one session: bounds its tasks, and what a list of them takes to say."""
MAX_DURATION = 7 * 24 * 3600.0
"""Seconds; longer than any session lives, so a longer one would be a promise that is not kept."""
MAX_LABEL_CHARACTERS = 120
MIN_SIMILARITY = 75.0
"""Percent a spoken label must share with a timer's to mean it."""

Kind: TypeAlias = Literal["timer", "reminder"]


@dataclass(frozen=True, slots=True)
class Timer:
    """One running timer. `label` is what it is for (may be empty), `due` on the monotonic clock."""

    number: int
    kind: Kind
    label: str
    duration: float
    due: float

    @property
    def title(self) -> str:
        if self.kind == "reminder":
            return f"reminder to {to_user(self.label)}"
        return (
            f"{self.label} timer" if self.label else f"{say_duration(self.duration).removesuffix('s')} timer"
        )

    @property
    def announcement(self) -> str:
        if self.kind == "reminder":
            return f"Here is your reminder: {to_user(self.label)}."
        return f"Your {self.title} is done."


class Timers:
    """The running timers. `aclose()` cancels them all; nothing is announced after it."""

    def __init__(
        self,
        announce: Callable[[str], None],
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._announce = announce
        self._monotonic = monotonic
        self._sleep = sleep
        self._numbers = itertools.count(1)
        self._running: dict[Timer, asyncio.Task[None]] = {}

    @property
    def running(self) -> list[Timer]:
        """The next one due first."""
        return sorted(self._running, key=lambda timer: timer.due)

    def start(self, duration: float, label: str = "", kind: Kind = "timer") -> Timer:
        """Start one that is due in `duration` seconds. Raises `ToolError` past a limit."""
        label = " ".join(label.split())[:MAX_LABEL_CHARACTERS]
        if not 1 <= duration <= MAX_DURATION:
            raise ToolError(f"I can set a {kind} from 1 second to {say_duration(MAX_DURATION)} ahead.")
        if len(self._running) >= MAX_TIMERS:
            raise ToolError(f"{MAX_TIMERS} timers are running already. Cancel one first.")
        timer = Timer(next(self._numbers), kind, label, duration, self._monotonic() + duration)
        self._running[timer] = asyncio.create_task(self._run(timer), name=f"{kind} {timer.number}")
        return timer

    async def _run(self, timer: Timer) -> None:
        await self._sleep(max(0.0, timer.due - self._monotonic()))
        del self._running[timer]
        try:
            self._announce(timer.announcement)
        except Exception:  # the session may be closing: nobody else awaits this task
            logger.exception("a %s could not be announced", timer.kind)

    def left(self, timer: Timer) -> float:
        """Seconds until it is due."""
        return max(0.0, timer.due - self._monotonic())

    def list_sentence(self, label: str = "") -> str:
        """What is running and how long each has left."""
        timers = self.matching(label) if label else self.running
        if not timers:
            return f"There is no {label} timer." if label else "No timers or reminders are running."
        said = [f"{say_duration(self.left(timer))} on your {timer.title}" for timer in timers]
        return f"You have {join_words(said)}."

    def matching(self, label: str) -> list[Timer]:
        """The timers meant by a spoken label, its kind or its length."""
        wanted = label.lower().strip()
        if wanted in ("timer", "reminder"):
            return [timer for timer in self.running if timer.kind == wanted]
        return [timer for timer in self.running if _is_meant(wanted, timer)]

    async def cancel(self, label: str = "", *, is_all: bool = False) -> list[Timer]:
        """Cancel the one meant by `label` (without it the newest), or all. Raises `ToolError` for none."""
        meant = self.matching(label) if label else self.running
        if not meant:
            raise ToolError(f"There is no {label} timer to cancel." if label else "No timer is running.")
        dropped = meant if is_all else [max(meant, key=lambda timer: timer.number)]
        await self._stop(dropped)
        return dropped

    async def _stop(self, timers: list[Timer]) -> None:
        tasks = [self._running.pop(timer) for timer in timers]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def aclose(self) -> None:
        await self._stop(list(self._running))


def _is_meant(wanted: str, timer: Timer) -> bool:
    length = say_duration(timer.duration)
    names = (timer.label.lower(), length, length.removesuffix("s"))
    return any(
        name and fuzz.partial_ratio(wanted, name) >= MIN_SIMILARITY and _same_numbers(wanted, name)
        for name in names
    )


def _same_numbers(wanted: str, name: str) -> bool:
    """ "15 minutes" looks much like "10 minutes" and means another timer."""
    said = set(re.findall(r"\d+", wanted))
    return said <= set(re.findall(r"\d+", name))
