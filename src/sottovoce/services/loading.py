"""How far a model is loaded, by the memory of its process; and how long loading may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import psutil

from sottovoce.models.installed import InstalledModel

LOAD_DEADLINE = 60.0
"""Seconds for a child to become ready, or ready again, beside what its model takes to be read."""

SLOWEST_DISK_BYTES = 20_000_000
"""Bytes a second that even a memory card gives: a model of 5 GB gets four minutes more."""

WARM_DEADLINE = 180.0
"""Seconds for a loaded model to work for the first time; a long prompt on a slow machine takes minutes."""

ALMOST = 0.99
"""The most that is told of a model that is not ready."""

Measure: TypeAlias = Callable[[int], Awaitable[int]]
"""The bytes of memory that a process and its descendants hold; 0 for one that is gone."""


async def family_memory(pid: int) -> int:
    """A `Measure`: resident memory; what processes share counts for each. In a thread, for it reads /proc."""
    return await asyncio.to_thread(_resident, pid)


def _resident(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        return sum(_resident_alone(each) for each in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0


def _resident_alone(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def load_deadline(size_bytes: int) -> float:
    """Seconds in which a model of `size_bytes` has to be ready."""
    return LOAD_DEADLINE + size_bytes / SLOWEST_DISK_BYTES


@dataclass(frozen=True, slots=True)
class Weight:
    """What a model's files take on disk, and what it holds while it runs; 0 where nobody knows."""

    size_bytes: int = 0
    memory_bytes: int = 0


async def weigh(model: InstalledModel) -> Weight:
    """Where its entry does not say what it holds, that is taken to be what its files are."""
    size = 0 if model.path is None else await asyncio.to_thread(lambda: model.size_bytes)
    return Weight(size, int(model.entry.memory) or size)


@dataclass(slots=True)
class Progress:
    """How far one load is. `whole` is what the process holds in the end; 0 where nobody knows."""

    whole: int
    measure: Measure
    share: float | None = None
    _base: int | None = field(default=None, init=False)

    async def look(self, pid: int) -> float | None:
        """From 0 to ALMOST, never less than before; None where it cannot be told."""
        if self.whole and (held := await self.measure(pid)):
            if self._base is None:
                self._base = held
            growth = (held - self._base) / max(self.whole - self._base, 1)
            self.share = max(self.share or 0.0, min(max(growth, 0.0), ALMOST))
        return self.share
