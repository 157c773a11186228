"""Jobs as threads with one event loop for all conversations, or as processes: memory, and time to the room.

    python bench/livekit_executors.py [--rooms 1,4,8] [--rounds 2]

Both hold our conversation in rooms of a real livekit-server, with scripted engines on loopback, and take
turns (threads, processes, threads, processes). Somebody with an open microphone is in every room.

PSS        of the worker and all its processes, in MB: with no room, and with so many; each room's part
first      from the user in the room to the assistant there, for the first room after the start
then       the same for the others: median, and the slowest
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.livekit.participant import Participant, present  # noqa: E402
from tests.livekit.worker_process import Engines, WorkerProcess, engines_beside  # noqa: E402
from tests.livekit_server import LiveKitServer  # noqa: E402

AGENT = "sottovoce"
SETTLE = 3.0
"""Seconds for everybody to have begun, before memory is looked at."""
KINDS = ("threads", "processes")


@dataclass(frozen=True)
class Figures:
    memory_mb: dict[int, float]
    """By the number of rooms."""
    waits: list[float]
    """Seconds to the assistant, the first room's first."""


@contextmanager
def threads(server: LiveKitServer, engines: Engines, folder: Path) -> Iterator[int]:
    worker = WorkerProcess(folder, server, engines, max_sessions=50)
    worker.start()
    try:
        yield worker.wait_ready().process.pid
    finally:
        worker.stop()


@contextmanager
def processes(server: LiveKitServer, engines: Engines, folder: Path) -> Iterator[int]:
    urls = {f"SOTTOVOCE_{kind}_URL": engines.url for kind in ("STT", "LLM", "TTS")}
    with (folder / "processes.log").open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, str(HERE / "livekit_process_worker.py")],
            env={**os.environ, **server.settings, **urls},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert worker.stdout is not None
    assert worker.stdin is not None
    try:
        assert worker.stdout.readline() == b"registered\n", (folder / "processes.log").read_text()
        yield worker.pid
    finally:
        worker.stdin.close()
        worker.wait(60)
        worker.stdout.close()


def family_mb(pid: int) -> float:
    """Proportional: what processes share is counted once."""
    worker = psutil.Process(pid)
    family = [worker, *worker.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in family) / (1 << 20)


async def measure(pid: int, server: LiveKitServer, counts: Sequence[int], name: str) -> Figures:
    await asyncio.sleep(SETTLE)
    memory, waits = {0: family_mb(pid)}, []
    async with AsyncExitStack() as stack:
        for number in range(max(counts)):
            began = time.monotonic()
            there = await stack.enter_async_context(
                present(server, f"{name}-{number}", f"user-{number}", agent=AGENT)
            )
            waits.append(await _served(there) - began)
            if number + 1 in counts:
                await asyncio.sleep(SETTLE)
                memory[number + 1] = family_mb(pid)
    return Figures(memory, waits)


async def _served(one: Participant) -> float:
    """When the assistant was there; returns when it listens to a microphone."""
    await one.until(lambda: one.assistant, within=60)
    there = time.monotonic()
    await one.publish()
    await one.until(lambda: one.states)
    return there


def show(kind: str, rounds: Sequence[Figures], counts: Sequence[int]) -> None:
    memory = {count: statistics.median(one.memory_mb[count] for one in rounds) for count in (0, *counts)}
    most = max(counts)
    others = [wait for one in rounds for wait in one.waits[1:]]
    first = statistics.median(one.waits[0] for one in rounds)
    cells = "".join(f"{memory[count]:8.0f}" for count in (0, *counts))
    each = (memory[most] - memory[0]) / most
    print(f"{kind:10}{cells}{each:9.1f}{first:8.2f} s{statistics.median(others):8.2f} s{max(others):8.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rooms", default="1,4,8")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    counts = [int(count) for count in given.rooms.split(",")]
    found: dict[str, list[Figures]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder, engines_beside() as engines:
        for number in range(given.rounds):
            for kind, started in zip(KINDS, (threads, processes), strict=True):
                server = LiveKitServer(Path(folder))
                server.start()
                try:
                    with started(server, engines, Path(folder)) as pid:
                        found[kind].append(asyncio.run(measure(pid, server, counts, f"{kind}-{number}")))
                finally:
                    server.kill()
    heads = "".join(f"{f'{count} rooms':>8}" for count in (0, *counts))
    print(f"{'PSS, MB':10}{heads}{'a room':>9}{'first':>10}{'then':>10}{'slowest':>10}")
    for kind in KINDS:
        show(kind, found[kind], counts)


if __name__ == "__main__":
    main()
