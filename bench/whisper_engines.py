"""What a segment costs Whisper in sherpa-onnx, in our service, and in faster-whisper where that is installed.

    python bench/whisper_engines.py [--json FILE] [--size tiny|base|small] [--rounds 3] [--threads 1]

The models have random weights in Whisper's true shape, so texts are noise and costs are real: all engines
write three tokens for each second, as people speak. faster-whisper is measured by what it runs, CTranslate2
with int8 weights and its own features, greedily; it hears 30 s whatever it is given, sherpa-onnx what there
is. Bare sherpa-onnx stands there twice: with the ten seconds of nothing that it adds to everything by itself,
and with as little as it can do with. The engines take turns, each in a process of its own, so that all have
the same machine and each has its own memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY))

from sottovoce.engines.stt.sherpa_offline.process import OfflineProcess  # noqa: E402
from sottovoce.engines.stt.sherpa_offline.wire import Task  # noqa: E402
from sottovoce.engines.stt.sherpa_offline.worker import WorkerOptions  # noqa: E402
from sottovoce.models.entry import ModelEntry  # noqa: E402
from sottovoce.models.installed import InstalledModel  # noqa: E402
from tests.made_models import random_whisper  # noqa: E402
from tests.made_models.random_whisper import SIZES, Size  # noqa: E402

RATE_HZ = 16_000
SECONDS = (3, 6, 10, 15, 28)
START, END, ENGLISH, TRANSCRIBE, NO_TIMES = 50258, 50257, 50259, 50359, 50363
FASTER_WHISPER = ("ctranslate2", "faster_whisper")

LITTLE_TAIL = 50

Hear = Callable[[int], None]
"""Hears so many seconds."""


@dataclass(frozen=True)
class Row:
    """Medians over the rounds. `factor` is the processor's seconds for a second of speech."""

    engine: str
    seconds: int
    wall_ms: float
    cpu_ms: float
    cpu_ms_max: float
    factor: float


@dataclass
class Engine:
    """A child that hears when it is told to."""

    name: str
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    load: float

    def hear(self, seconds: int) -> tuple[float, float]:
        """Wall and processor seconds."""
        self.pipe.send(seconds)
        wall, cpu = self.pipe.recv()
        return wall, cpu

    def memory_mb(self) -> float:
        family = [
            psutil.Process(self.process.pid),
            *psutil.Process(self.process.pid).children(recursive=True),
        ]
        return sum(each.memory_info().rss for each in family) / (1 << 20)


def speech(seconds: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (np.random.default_rng(0).standard_normal(seconds * RATE_HZ) * 0.1).astype(np.float32)


def bare_sherpa(folder: Path, threads: int, tail_frames: int = LITTLE_TAIL) -> Hear:
    import sherpa_onnx

    engine = sherpa_onnx.OfflineRecognizer.from_whisper(
        encoder=str(folder / "random-encoder.int8.onnx"),
        decoder=str(folder / "random-decoder.int8.onnx"),
        tokens=str(folder / "random-tokens.txt"),
        language="en",
        num_threads=threads,
        tail_paddings=tail_frames,
    )

    def hear(seconds: int) -> None:
        stream = engine.create_stream()
        stream.accept_waveform(RATE_HZ, speech(seconds))
        engine.decode_stream(stream)

    return hear


def bare_sherpa_as_it_comes(folder: Path, threads: int) -> Hear:
    return bare_sherpa(folder, threads, tail_frames=-1)


def service(folder: Path, threads: int) -> Hear:
    """Through our own process, with its padding."""
    entry = ModelEntry(id="random", kind="stt", engine="sherpa-offline", family="whisper")
    options = WorkerOptions(model=InstalledModel(entry=entry, path=folder), threads=threads)
    loop = asyncio.new_event_loop()
    process, _ = loop.run_until_complete(OfflineProcess.start(options))

    def hear(seconds: int) -> None:
        pcm = (speech(seconds) * 32767).astype("<i2").tobytes()
        loop.run_until_complete(process.hear(Task(language="en"), pcm, 300.0))

    return hear


def faster_whisper(folder: Path, threads: int) -> Hear:
    import ctranslate2
    from faster_whisper.feature_extractor import FeatureExtractor

    model = ctranslate2.models.Whisper(str(folder), compute_type="int8", intra_threads=threads)
    features = FeatureExtractor()

    def hear(seconds: int) -> None:
        mel = features(speech(seconds))[:, :3000]
        mel = np.pad(mel, ((0, 0), (0, 3000 - mel.shape[1])))[None].astype(np.float32)
        model.generate(
            ctranslate2.StorageView.from_array(np.ascontiguousarray(mel)),
            [[START, ENGLISH, TRANSCRIBE, NO_TIMES]],
            beam_size=1,
            max_length=min(448, 2 * random_whisper.TOKENS_PER_SECOND * seconds + 2),  # it allows itself half
            suppress_tokens=[END],
            suppress_blank=False,
        )

    return hear


def build_ctranslate2(folder: Path, size: Size) -> None:
    from ctranslate2.specs.whisper_spec import WhisperSpec

    spec = WhisperSpec(size.layers, size.heads, size.layers, size.heads)
    random = np.random.default_rng(0)

    def weight(*shape: int) -> Any:
        return (random.standard_normal(shape, np.float32) / np.sqrt(shape[-1])).astype(np.float32)

    def linear(part: Any, outer: int, inner: int) -> None:
        part.weight, part.bias = weight(outer, inner), np.zeros(outer, np.float32)

    def norm(part: Any) -> None:
        part.gamma, part.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    width = size.width
    for name, inner in (("conv1", size.mels), ("conv2", width)):
        part = getattr(spec.encoder, name)
        part.weight, part.bias = weight(width, inner, 3), np.zeros(width, np.float32)
    spec.encoder.position_encodings.encodings = weight(random_whisper.AUDIO_CONTEXT, width)
    spec.decoder.position_encodings.encodings = weight(random_whisper.TEXT_CONTEXT, width)
    spec.decoder.embeddings.weight = weight(random_whisper.VOCABULARY, width)
    spec.decoder.projection.weight = weight(random_whisper.VOCABULARY, width)
    spec.decoder.scale_embeddings = False
    norm(spec.encoder.layer_norm)
    norm(spec.decoder.layer_norm)
    for layer in (*spec.encoder.layer, *spec.decoder.layer):
        linear(layer.self_attention.linear[0], 3 * width, width)
        linear(layer.self_attention.linear[1], width, width)
        norm(layer.self_attention.layer_norm)
        linear(layer.ffn.linear_0, 4 * width, width)
        linear(layer.ffn.linear_1, width, 4 * width)
        norm(layer.ffn.layer_norm)
    for layer in spec.decoder.layer:
        for part, outer in zip(layer.attention.linear, (width, 2 * width, width), strict=True):
            linear(part, outer, width)
        norm(layer.attention.layer_norm)
    names = {START: "startoftranscript", END: "endoftext", ENGLISH: "en", NO_TIMES: "notimestamps"}
    names |= {TRANSCRIBE: "transcribe", 50358: "translate", 50362: "nospeech"}
    tokens = (
        f"<|{names[number]}|>" if number in names else f"t{number}"
        for number in range(random_whisper.VOCABULARY)
    )
    spec.register_vocabulary(list(tokens))
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [END], []
    spec.config.lang_ids, spec.config.alignment_heads = [ENGLISH], [[0, 0]]
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True)
    spec.save(str(folder))


def child(pipe: Connection, make: Callable[[Path, int], Hear], folder: Path, threads: int) -> None:
    begun = time.monotonic()
    hear = make(folder, threads)
    hear(SECONDS[0])
    pipe.send(time.monotonic() - begun)
    while True:
        try:
            seconds = pipe.recv()
        except EOFError:
            return
        wall, cpu = time.monotonic(), _cpu()
        hear(seconds)
        pipe.send((time.monotonic() - wall, _cpu() - cpu))


def _cpu() -> float:
    """This process's seconds and its children's."""
    me = psutil.Process()
    times = [each.cpu_times() for each in (me, *me.children(recursive=True))]
    return sum(each.user + each.system for each in times)


@contextmanager
def engines(size: str, threads: int) -> Iterator[list[Engine]]:
    with tempfile.TemporaryDirectory(prefix="sottovoce-bench-") as name:
        folder = Path(name)
        print(f"building Whisper {size} with random weights …", file=sys.stderr)
        random_whisper.build(folder / "onnx", SIZES[size])
        made: list[tuple[str, Callable[[Path, int], Hear], Path]] = [
            ("sherpa-onnx", bare_sherpa, folder / "onnx"),
            ("sherpa-onnx + 10 s", bare_sherpa_as_it_comes, folder / "onnx"),
            ("our service", service, folder / "onnx"),
        ]
        if all(map(find_spec, FASTER_WHISPER)):
            build_ctranslate2(folder / "ctranslate2", SIZES[size])
            made.append(("faster-whisper", faster_whisper, folder / "ctranslate2"))
        else:
            print("skipped: faster-whisper, which is not installed", file=sys.stderr)
        running = [_started(*each, threads) for each in made]
        yield running
        for engine in running:
            engine.pipe.close()
            engine.process.join(10)


def _started(name: str, make: Callable[[Path, int], Hear], folder: Path, threads: int) -> Engine:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=child, args=(theirs, make, folder, threads))
    process.start()
    theirs.close()
    load: float = ours.recv()
    return Engine(name, process, ours, load)


def measure(running: list[Engine], rounds: int) -> list[Row]:
    taken: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for seconds in SECONDS:
            for engine in running:
                taken.setdefault((engine.name, seconds), []).append(engine.hear(seconds))
    rows = []
    for (name, seconds), times in taken.items():
        wall, cpu = (statistics.median(each) * 1000 for each in zip(*times, strict=True))
        most = max(each[1] for each in times) * 1000
        rows.append(Row(name, seconds, round(wall), round(cpu), round(most), round(cpu / 1000 / seconds, 3)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with engines(given.size, given.threads) as running:
        rows = measure(running, given.rounds)
        memory = {engine.name: round(engine.memory_mb()) for engine in running}
        load = {engine.name: round(engine.load, 2) for engine in running}
    print(f"{'engine':<20}{'seconds':>8}{'wall ms':>9}{'cpu ms':>8}{'most':>7}{'factor':>8}")
    for row in rows:
        print(
            f"{row.engine:<20}{row.seconds:>8}{row.wall_ms:>9.0f}{row.cpu_ms:>8.0f}"
            f"{row.cpu_ms_max:>7.0f}{row.factor:>8.3f}"
        )
    for name in memory:
        print(f"{name}: {memory[name]} MB, loaded and warm after {load[name]} s")
    if given.json:
        about = {
            "commit": _commit(),
            "size": given.size,
            "threads": given.threads,
            "memory_mb": memory,
            "load": load,
        }
        given.json.write_text(json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=2))


def _commit() -> str:
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return head.stdout.strip()


if __name__ == "__main__":
    main()
