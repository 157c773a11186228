"""How the streaming recogniser's decodes are best spread over the processor: threads, streams, batches.

    python bench/stt_scheduling.py [--json FILE] [--size quarter | --model FOLDER] [--chunks 8]

The model has random weights in Nemotron's shape (`--size 0.6b` is the true one and takes 2.5 GB for a minute
to be built), or lies in a folder. Every way of decoding gets the same audio: one stream after another, the
engine's own threads, its batches, and threads of ours that decode a stream each. They take turns, round by
round, so that all have the same machine; medians are of rounds. What matters on a shared machine is the
processor's time for each second of speech.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).parents[1]
RATE_HZ = 16_000
STEP = np.zeros(RATE_HZ // 100, np.float32)


@dataclass(frozen=True)
class Way:
    """`inner` threads of the engine in each of `outer` threads of ours, which decode `batch` at once."""

    streams: int
    outer: int = 1
    inner: int = 1
    batch: int = 1


WAYS = (
    Way(1),
    Way(1, inner=2),
    Way(2),
    Way(2, batch=2),
    Way(2, inner=2, batch=2),
    Way(2, outer=2),
    Way(4),
    Way(4, batch=4),
    Way(4, inner=2, batch=4),
    Way(4, outer=2),
    Way(4, outer=4),
    Way(4, outer=2, batch=2),
)


@dataclass(frozen=True)
class Row:
    """`wall_ms` is for one chunk of every stream; `cpu_ms` for one of a single one; `factor` is processor
    seconds for a second of speech, `keeps_up` how many streams the way would hear in time."""

    way: Way
    wall_ms: float
    wall_ms_max: float
    cpu_ms: float
    factor: float
    keeps_up: float


@contextmanager
def model(size: str, given: Path | None) -> Iterator[Path]:
    """The folder of the model, made for the while if none is given."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="sottovoce-bench-") as folder:
        command = [sys.executable, "-m", "tests.made_models.conformer", size, folder]
        subprocess.run(command, check=True, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        yield Path(folder)


def recogniser(folder: Path, threads: int) -> Any:
    import sherpa_onnx

    name = ".int8.onnx" if (folder / "encoder.int8.onnx").exists() else ".onnx"
    parts = {part: str(folder / f"{part}{name}") for part in ("encoder", "decoder", "joiner")}
    return sherpa_onnx.OnlineRecognizer.from_transducer(
        tokens=str(folder / "tokens.txt"), num_threads=threads, decoding_method="greedy_search", **parts
    )


def filled(engine: Any, stream: Any) -> float:
    """Seconds of audio that it took until another chunk could be decoded."""
    steps = 0
    while not engine.is_ready(stream):
        stream.accept_waveform(RATE_HZ, STEP)
        steps += 1
    return steps * len(STEP) / RATE_HZ


class Bench:
    """An engine for each number of inner threads, loaded once."""

    def __init__(self, folder: Path) -> None:
        self.engines = {inner: recogniser(folder, inner) for inner in {way.inner for way in WAYS}}
        engine = self.engines[1]
        stream = engine.create_stream()
        filled(engine, stream)
        engine.decode_stream(stream)
        self.chunk = filled(engine, stream)

    def run(self, way: Way, chunks: int) -> tuple[list[float], float]:
        """The wall times of `chunks` rounds, and the processor's time for all of them."""
        engine = self.engines[way.inner]
        streams = [engine.create_stream() for _ in range(way.streams)]
        batches = [streams[at : at + way.batch] for at in range(0, way.streams, way.batch)]
        with ThreadPoolExecutor(way.outer) as pool:
            self._round(engine, streams, batches, pool.map)  # the first one also allocates
            begun = time.process_time()
            walls = [self._round(engine, streams, batches, pool.map) for _ in range(chunks)]
            return walls, time.process_time() - begun

    def _round(
        self, engine: Any, streams: Sequence[Any], batches: Sequence[Any], run: Callable[..., Any]
    ) -> float:
        for stream in streams:
            filled(engine, stream)
        begun = time.perf_counter()
        list(run(engine.decode_streams, batches))
        return time.perf_counter() - begun


def measure(folder: Path, chunks: int, rounds: int) -> list[Row]:
    bench = Bench(folder)
    walls: dict[Way, list[float]] = {way: [] for way in WAYS}
    cpu: dict[Way, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            took, used = bench.run(way, chunks)
            walls[way] += took
            cpu[way].append(used / chunks / way.streams)
    return [_row(way, walls[way], cpu[way], bench.chunk) for way in WAYS]


def _row(way: Way, walls: Sequence[float], cpu: Sequence[float], chunk: float) -> Row:
    wall, each = statistics.median(walls), statistics.median(cpu)
    return Row(
        way,
        round(wall * 1000, 1),
        round(max(walls) * 1000, 1),
        round(each * 1000, 1),
        round(each / chunk, 3),
        round(way.streams * chunk / wall, 2),
    )


def show(rows: Sequence[Row]) -> None:
    print("streams  threads  engine's  batch   wall ms (max)      CPU ms/stream  CPU/speech  keeps up with")
    for row in rows:
        way, wall = row.way, f"{row.wall_ms} ({row.wall_ms_max})"
        print(
            f"{way.streams:7}  {way.outer:7}  {way.inner:8}  {way.batch:5}  {wall:>16}"
            f"  {row.cpu_ms:14}  {row.factor:10}  {row.keeps_up:6} streams"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--size", default="quarter", choices=("tiny", "quarter", "0.6b"))
    parser.add_argument("--model", type=Path)
    parser.add_argument("--chunks", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with model(given.size, given.model) as folder:
        rows = measure(folder, given.chunks, given.rounds)
    show(rows)
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
