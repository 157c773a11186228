"""How long a model takes to come in, and what each engine holds: embedded to real and back, by turns.

    python bench/swap_time.py [--shape made|true] [--size quarter] [--rounds 3] [--json FILE]

A supervisor keeps the embedded engines; each round has every kind use a real model (A) and the embedded one
again (B). Models are made on the spot: "made" ones have next to no weights, so their time is that of process,
imports and engine; "true" ones have the weights of the real ones at random: a streaming transducer in
Nemotron's shape (a quarter of its layers, or --size 0.6b), a voice of Kokoro's size, Qwen3 0.6B. A swap takes
from the command until the new engine is asked first; meanwhile whoever is first in line answers a small
request every 20 ms, the slowest of which is the gap. Memory is resident, helpers included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from sottovoce.config import ENGINE_KINDS, EngineKind, Settings, load
from sottovoce.models.installed import InstalledModel
from sottovoce.models.layout import recognise
from sottovoce.services.loading import family_memory
from sottovoce.services.status import EngineStatus
from sottovoce.services.supervisor import Supervisor
from tests.made_models import conformer, gguf, gguf_shapes, kokoro, kokoro_sized, streaming

ASKED_EVERY = 0.02
MB = 1_000_000


@dataclass
class Figures:
    """Of one kind: seconds to come in and of the longest wait meanwhile; bytes held."""

    model: str
    to_real: list[float] = field(default_factory=list)
    to_embedded: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)
    real_bytes: int = 0
    embedded_bytes: int = 0
    file_bytes: int = 0


def models(shape: str, size: str, folder: Path) -> Iterator[tuple[EngineKind, InstalledModel]]:
    """One for each kind, made now."""
    for kind, path in _paths(shape, size, folder):
        yield kind, InstalledModel(entry=recognise(path), path=path)


def _paths(shape: str, size: str, folder: Path) -> Iterator[tuple[EngineKind, Path]]:
    if shape == "made":
        yield "stt", streaming.build(folder / "ear")
        yield "llm", gguf.scripted(folder / "mind.gguf")
        yield "tts", kokoro.make_tone_voice(folder / "voice")
    else:
        yield "stt", conformer.build(folder / "ear", conformer.SIZES[size], is_int8=True)
        yield "llm", gguf_shapes.shaped(folder / "mind.gguf", "0.6b")
        yield "tts", kokoro_sized.make_sized_voice(folder / "voice")


def in_use(supervisor: Supervisor, kind: EngineKind) -> EngineStatus:
    return supervisor.members(kind)[0]


async def asking(supervisor: Supervisor, kind: EngineKind) -> float:
    """The slowest answer of whoever is asked first, until cancelled."""
    slowest = 0.0
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        try:
            while True:
                at, began = supervisor.endpoint(kind), time.perf_counter()
                (await client.get(f"{at.url}/models", headers=at.headers)).raise_for_status()
                slowest = max(slowest, time.perf_counter() - began)
                await asyncio.sleep(ASKED_EVERY)
        except asyncio.CancelledError:
            return slowest


async def swap(supervisor: Supervisor, kind: EngineKind, model: InstalledModel | None) -> tuple[float, float]:
    """Seconds until it is asked first, and those of the slowest request meanwhile."""
    watching = asyncio.create_task(asking(supervisor, kind))
    await asyncio.sleep(0)
    began = time.perf_counter()
    await supervisor.use(kind, model)
    took = time.perf_counter() - began
    watching.cancel()
    return took, await watching


async def drained(supervisor: Supervisor, kind: EngineKind) -> None:
    async for _ in supervisor.changes():
        if all(status.state != "draining" for status in supervisor.members(kind)):
            return


async def held(supervisor: Supervisor, kind: EngineKind) -> int:
    pid = in_use(supervisor, kind).pid
    return 0 if pid is None else await family_memory(pid)


async def measured(settings: Settings, made: dict[EngineKind, InstalledModel], rounds: int) -> list[Figures]:
    figures = {kind: Figures(f"{kind} {model.entry.engine}") for kind, model in made.items()}
    async with Supervisor(settings) as supervisor:
        await supervisor.wait_ready()
        for kind in made:
            figures[kind].embedded_bytes = await held(supervisor, kind)
            figures[kind].file_bytes = made[kind].size_bytes
        for _ in range(rounds):
            for kind in ENGINE_KINDS:
                one = figures[kind]
                took, gap = await swap(supervisor, kind, made[kind])
                one.to_real.append(took)
                one.gaps.append(gap)
                one.load.append(in_use(supervisor, kind).load_seconds or 0.0)
                one.real_bytes = max(one.real_bytes, await held(supervisor, kind))
                await drained(supervisor, kind)
                took, gap = await swap(supervisor, kind, None)
                one.to_embedded.append(took)
                one.gaps.append(gap)
                await drained(supervisor, kind)
    return list(figures.values())


def shown(one: Figures) -> str:
    def seconds(values: list[float]) -> str:
        return f"{statistics.median(values):5.2f} ({min(values):.2f}-{max(values):.2f})"

    return (
        f"{one.model:22}  in {seconds(one.to_real)}  back {seconds(one.to_embedded)}  "
        f"gap {max(one.gaps) * 1000:4.0f} ms  files {one.file_bytes / MB:5.0f} MB  "
        f"holds {one.real_bytes / MB:5.0f} MB, embedded {one.embedded_bytes / MB:4.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=("made", "true"), default="made")
    parser.add_argument("--size", choices=conformer.SIZES, default="quarter")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sottovoce-bench-") as folder:
        settings = load({"home": Path(folder) / "home", "offline": True}, {})
        made = dict(models(given.shape, given.size, Path(folder)))
        figures = asyncio.run(measured(settings, made, given.rounds))
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {given.rounds} rounds; seconds")
    for one in figures:
        print(shown(one))
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in figures], indent=1))


if __name__ == "__main__":
    main()
