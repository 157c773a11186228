"""Processes of a measurement: started for it, ended by their ids, and what they cost."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

STOP_DEADLINE = 10.0
STOP_POLL = 0.02
TAIL_CHARACTERS = 2000
SHORTEST = 0.01
"""Seconds, the clock of processor time's own step: nothing shorter can be measured."""


@asynccontextmanager
async def child(
    command: Sequence[str],
    log: Path,
    *,
    settings: Mapping[str, str] | None = None,
    has_pipes: bool = False,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that writes to `log`, with `settings` in its environment; terminated, or killed if it stays.

    With `has_pipes` its standard input and output are ours, and the end of the input is what ends it first.
    It is the leader of its own group: Ctrl-C reaches this program alone, which then ends what it has started.
    """
    pipe = asyncio.subprocess.PIPE
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **(settings or {})},
            stdin=pipe if has_pipes else asyncio.subprocess.DEVNULL,
            stdout=pipe if has_pipes else output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    family = members([process.pid])
    if process.stdin is not None:
        process.stdin.close()
    elif process.returncode is None:
        process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_DEADLINE):
            while process.returncode is None:  # noqa: ASYNC110  `wait` waits for all who hold its output
                await asyncio.sleep(STOP_POLL)
    for member in family:  # it, where it did not end, and whoever is left without a parent
        with suppress(psutil.NoSuchProcess):
            member.kill()
    await process.wait()


def tail(log: Path) -> str:
    """The end of what was written there, for an error's message."""
    return log.read_text(errors="replace")[-TAIL_CHARACTERS:]


def members(roots: Iterable[int]) -> list[psutil.Process]:
    """The processes with these ids and all that came of them, as far as they live."""
    found: list[psutil.Process] = []
    for pid in roots:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            found += [root, *root.children(recursive=True)]
    return found


def memory_mb(process: psutil.Process) -> float:
    """Proportional set size: what is shared counts by the share."""
    try:
        return float(process.memory_full_info().pss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


@dataclass
class Meter:
    """What some processes and all that came of them cost: CPU since `start`, memory now."""

    roots: Sequence[int]
    _began: float = 0.0
    _used: dict[int, float] = field(default_factory=dict)

    def start(self) -> None:
        self._began, self._used = time.perf_counter(), self._seconds()

    def percent(self) -> float:
        """Of one core. One that began meanwhile counts whole, one that has ended not at all."""
        spent = sum(now - self._used.get(pid, 0.0) for pid, now in self._seconds().items())
        return 100 * spent / max(time.perf_counter() - self._began, SHORTEST)

    def memory_mb(self) -> float:
        return sum(map(memory_mb, members(self.roots)))

    def _seconds(self) -> dict[int, float]:
        used: dict[int, float] = {}
        for process in members(self.roots):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used[process.pid] = times.user + times.system
        return used
