"""What the tools of one session stand on: a clock, chance, a voice. All of it can be injected."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, TypeAlias

from livekit.agents.llm import FunctionTool

from sottovoce.skills.clock import local_zone

SessionTool: TypeAlias = FunctionTool[..., Any]


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _system_random() -> random.Random:
    return random.SystemRandom()


@dataclass(frozen=True, slots=True)
class ToolContext:
    """`announce` says a sentence aloud when a timer is due; it is called on the loop and must not block.

    `now` gives the present moment of any zone, `monotonic` seconds that never jump; `sleep` waits on them.
    """

    announce: Callable[[str], None]
    zone: tzinfo = field(default_factory=local_zone)
    now: Callable[[tzinfo], datetime] = datetime.now
    rng: random.Random = field(default_factory=_system_random)
    monotonic: Callable[[], float] = field(default=_loop_time)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def here(self) -> datetime:
        """The present moment in the user's zone."""
        return self.now(self.zone)
