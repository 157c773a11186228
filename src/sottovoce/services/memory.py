"""What memory is left for a model: the machine's, or the container's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import psutil

from sottovoce.models.processor import CGROUP, memory_bytes

FreeMemory: TypeAlias = Callable[[], Awaitable[int]]
"""Bytes that can be had without swapping."""

VERSIONS = (
    ("memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)
"""Where cgroups of version 2 and 1 tell what a container uses, and how much of that are files that can go."""


async def free_memory() -> int:
    """A `FreeMemory`. In a thread, for it reads /proc and /sys."""
    return await asyncio.to_thread(free_bytes)


def free_bytes(cgroup: Path = CGROUP) -> int:
    available = int(psutil.virtual_memory().available)
    used = _used(cgroup)
    return available if used is None else min(available, memory_bytes(cgroup) - used)


def _used(cgroup: Path) -> int | None:
    """By this container; None where there is none."""
    for usage, statistics, name in VERSIONS:
        try:
            used = int((cgroup / usage).read_text())
            facts = dict(line.split() for line in (cgroup / statistics).read_text().splitlines())
        except (OSError, ValueError):
            continue
        return used - int(facts.get(name, 0))
    return None
