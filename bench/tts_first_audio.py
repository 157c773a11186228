"""How soon Kokoro is heard: by clauses, the first one short, against whole sentences, beside espeak-ng.

    python -m bench.tts_first_audio [--rounds 5] [--json FILE]

Run it where the repository is: the model is made on the spot, of Kokoro's shape and with random weights
(`tests/made_models/kokoro_sized.py`), so its speech is noise that costs what speech costs. Every round asks
each way in turn, and medians are shown with their quartiles. Then seconds of work for a second of speech by
threads, in turn as well, and memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import aclosing
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import psutil

from sottovoce.config import EngineSettings
from sottovoce.engines.tts.base import Synthesizer
from sottovoce.engines.tts.espeak import EspeakSynthesizer
from sottovoce.engines.tts.kokoro import KokoroSynthesizer
from sottovoce.engines.tts.kokoro_files import examine
from sottovoce.engines.tts.kokoro_model import KokoroModel
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import InstalledModel
from tests.made_models.kokoro import LEXICON_US
from tests.made_models.kokoro_sized import make_sized_voice

SENTENCES = {
    "3 words": "Hello there world.",
    "8 words": "Hello there, this is the voice and dog.",
    "16 words": "Hello there, this is the voice and it was one dog to the world, two and three.",
    "32 words": "Hello there, this is the voice and it was one dog to the world, and this is the voice "
    "and it was one dog to the world, two and three and one.",
}
CLAUSE = "ðɪs ɪz ðə vYs ænd ɪt wʌz wʌn dɔɡ tə ðə wɜɹld"
MB = 1e6


@dataclass(frozen=True)
class Row:
    """First sound and whole speech, in ms; quartiles beside the medians."""

    text: str
    way: str
    first_ms: float
    first_quartiles: tuple[float, float]
    whole_ms: float
    speech: float


@dataclass(frozen=True)
class ThreadsRow:
    """Seconds of the clock, and of all cores, for a second of speech."""

    threads: int
    real_time_factor: float
    quartiles: tuple[float, float]
    cpu_factor: float


async def listen(synthesizer: Synthesizer, text: str) -> tuple[float, float, float]:
    """Seconds to the first frame and to the last, and of speech."""
    began = time.perf_counter()
    first = speech = 0.0
    async with aclosing(synthesizer.synthesize(text, "alloy", 1.0)) as frames:
        async for frame in frames:
            first = first or time.perf_counter() - began
            speech += frame.duration
    return first, time.perf_counter() - began, speech


def whole(model: KokoroModel, text: str) -> tuple[float, float, float]:
    """The same for the sentence in one piece."""
    began = time.perf_counter()
    phonemes = " ".join(LEXICON_US.get(word.strip(",.").lower(), word) for word in text.split())
    samples = model.generate(phonemes, 0, 1.0)
    took = time.perf_counter() - began
    return took, took, len(samples) / model.sample_rate


async def compare(folder: Path, rounds: int) -> list[Row]:
    entry = ModelEntry(id="sized", kind="tts", engine="sherpa-tts", family="kokoro")
    kokoro = KokoroSynthesizer(InstalledModel(entry=entry, path=folder), EngineSettings())
    espeak = EspeakSynthesizer()
    for each in (kokoro, espeak):
        await each.load()
        await each.warm()
    direct = KokoroModel(examine(folder), int(kokoro.condition["threads"]), "cpu")
    runs: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for _ in range(rounds):
        for name, text in SENTENCES.items():
            runs.setdefault((name, "by clauses"), []).append(await listen(kokoro, text))
            runs.setdefault((name, "whole"), []).append(await asyncio.to_thread(whole, direct, text))
            runs.setdefault((name, "espeak-ng"), []).append(await listen(espeak, text))
    await kokoro.aclose()
    await espeak.aclose()
    return [row(name, way, seen) for (name, way), seen in runs.items()]


def row(text: str, way: str, runs: Sequence[tuple[float, float, float]]) -> Row:
    first, low, high = spread([1e3 * run[0] for run in runs])
    took = statistics.median(1e3 * run[1] for run in runs)
    return Row(
        text, way, first, (low, high), round(took, 1), round(statistics.median(run[2] for run in runs), 2)
    )


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return round(middle, 2), round(low, 2), round(high, 2)


def by_threads(folder: Path, counts: Sequence[int], rounds: int) -> list[ThreadsRow]:
    files = examine(folder)
    models = {count: KokoroModel(files, count, "cpu") for count in counts}
    wall: dict[int, list[float]] = {count: [] for count in counts}
    cpu: dict[int, list[float]] = {count: [] for count in counts}
    for index in range(rounds + 1):
        for count, model in models.items():
            began, busy = time.perf_counter(), time.process_time()
            speech = len(model.generate(CLAUSE, 0, 1.0)) / model.sample_rate
            if index:  # the first one allocates
                wall[count].append((time.perf_counter() - began) / speech)
                cpu[count].append((time.process_time() - busy) / speech)
    return [threads_row(count, wall[count], cpu[count]) for count in counts]


def threads_row(count: int, wall: Sequence[float], cpu: Sequence[float]) -> ThreadsRow:
    factor, low, high = spread(wall)
    return ThreadsRow(count, factor, (low, high), round(statistics.median(cpu), 2))


def memory_of(folder: Path) -> dict[str, int]:
    """In a process of its own, which holds nothing else: MB that the model adds."""
    before = psutil.Process().memory_info().rss
    model = KokoroModel(examine(folder), 1, "cpu")
    loaded = psutil.Process().memory_info().rss
    model.generate(CLAUSE, 0, 1.0)
    model.generate(" ".join([CLAUSE] * 2), 0, 1.0)
    spoken = psutil.Process().memory_info().rss
    return {"loaded_mb": round((loaded - before) / MB), "after_speech_mb": round((spoken - before) / MB)}


async def run(rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = make_sized_voice(Path(name))
        lines = [f"{word} {' '.join(said)}\n" for word, said in LEXICON_US.items()]
        (folder / "lexicon-us-en.txt").write_text("".join(lines), encoding="utf-8")
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:
            memory = apart.submit(memory_of, folder).result()
        rows = await compare(folder, rounds)
        cores = psutil.cpu_count(logical=False) or 1
        threads = by_threads(folder, [count for count in (1, 2, 4, 8) if count <= cores], rounds)
    return {
        "load_average": round(psutil.getloadavg()[0], 1),
        "memory": memory,
        "rows": [asdict(each) for each in rows],
        "threads": [asdict(each) for each in threads],
    }


def print_table(result: dict[str, object]) -> None:
    print(f"memory {result['memory']}, load average {result['load_average']}")
    print("text       way            first sound (quartiles)       whole      speech")
    rows, threads = result["rows"], result["threads"]
    assert isinstance(rows, list)
    assert isinstance(threads, list)
    for one in (Row(**each) for each in rows):
        low, high = one.first_quartiles
        first = f"{one.first_ms:8.1f} ms ({low:.0f} to {high:.0f})"
        print(f"{one.text:10} {one.way:12} {first:26} {one.whole_ms:9.1f} ms {one.speech:7.2f} s")
    for each in (ThreadsRow(**one) for one in threads):
        low, high = each.quartiles
        factor = f"{each.real_time_factor:.2f} ({low:.2f} to {high:.2f})"
        print(f"{each.threads} threads: {factor} of real time, {each.cpu_factor:.2f} of a core")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    result = asyncio.run(run(given.rounds))
    print_table(result)
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
