"""Our stt service beside bare sherpa-onnx on the same model, the same audio and the same machine, by turns.

    python bench/stt_service.py [--json FILE] [--size quarter | --model FOLDER] [--streams 4] [--rounds 3]

The model has random weights in Nemotron's shape (see stt_scheduling.py). Bare sherpa-onnx is a process that
decodes with as many threads as the service. Every round asks each of them in turn for: a batch of recordings
at once, as fast as it can (throughput, and what it takes of the processor, which others on the machine
disturb less); one speaker in real time, 20 ms at a time, and how long the words of each chunk take after the
chunk was said (latency); and how long the end takes after the last sample, at several places within a chunk,
the silence being sent as fast as possible (flush) or as it comes (none). Ratios and differences are those
within a round; shown are their medians, least and most.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from stt_scheduling import RATE_HZ, filled, model, recogniser
from websockets.asyncio.client import ClientConnection, connect

from sottovoce.config import EngineEndpoint, load
from sottovoce.services.supervisor import Supervisor

FRAME = RATE_HZ // 50
APPEND = RATE_HZ // 10
"""Samples in a message that does not come in real time."""
BATCH_SECONDS, LATENCY_SECONDS = 10.0, 6.0
ENDS = (2.0, 2.15, 2.3, 2.45)
"""Seconds of speech: where in a chunk it ends makes the difference."""
TRANSCRIPTION = "conversation.item.input_audio_transcription"

Samples = NDArray[np.float32]


def sound(seconds: float) -> Samples:
    rng = np.random.default_rng(1)
    return (rng.standard_normal(int(seconds * RATE_HZ)) * 0.1).astype(np.float32)


def pcm(samples: Samples) -> bytes:
    return (samples * 32_767).clip(-32_768, 32_767).astype("<i2").tobytes()


@dataclass(frozen=True)
class Steps:
    """How the model hears, in samples."""

    first: int
    chunk: int


class Bare:
    """sherpa-onnx alone, in its own process."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.engine = recogniser(folder, 1)
        self.pool = ThreadPoolExecutor(threads)
        stream = self.engine.create_stream()
        first = filled(self.engine, stream)
        self.engine.decode_stream(stream)
        self.steps = Steps(round(first * RATE_HZ), round(filled(self.engine, stream) * RATE_HZ))

    def throughput(self, streams: int) -> float:
        """Seconds for all of them."""
        samples = sound(BATCH_SECONDS)
        begun = time.perf_counter()
        list(self.pool.map(lambda _: self._whole(samples), range(streams)))
        return time.perf_counter() - begun

    def _whole(self, samples: Samples) -> None:
        stream = self.engine.create_stream()
        stream.accept_waveform(RATE_HZ, samples)
        stream.accept_waveform(RATE_HZ, np.zeros(self.steps.first + FRAME, np.float32))
        self._decode(stream)
        self.engine.get_result(stream)

    def _decode(self, stream: Any) -> None:
        while self.engine.is_ready(stream):
            self.engine.decode_stream(stream)

    def latencies(self) -> list[float]:
        stream, took = self.engine.create_stream(), []
        for due, frame in _paced(sound(LATENCY_SECONDS)):
            time.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            stream.accept_waveform(RATE_HZ, frame)
            if self.engine.is_ready(stream):
                self.engine.decode_stream(stream)
                self.engine.get_result(stream)
                took.append(time.perf_counter() - sent)
        return took

    def ends(self, has_flush: bool) -> list[float]:
        return [self._end(seconds, has_flush) for seconds in ENDS]

    def _end(self, seconds: float, has_flush: bool) -> float:
        stream, speech = self.engine.create_stream(), sound(seconds)
        for due, frame in _paced(speech):
            time.sleep(max(0.0, due - time.perf_counter()))
            stream.accept_waveform(RATE_HZ, frame)
            self._decode(stream)
        ended = time.perf_counter()
        silence = np.zeros(self.steps.first + FRAME, np.float32)
        if has_flush:
            stream.accept_waveform(RATE_HZ, silence)
            self._decode(stream)
        else:
            self._listen_on(stream, silence)
        self.engine.get_result(stream)
        return time.perf_counter() - ended

    def _listen_on(self, stream: Any, silence: Samples) -> None:
        """Until the chunk that holds the end has been decoded."""
        for due, frame in _paced(silence):
            time.sleep(max(0.0, due - time.perf_counter()))
            stream.accept_waveform(RATE_HZ, frame)
            if self.engine.is_ready(stream):
                self.engine.decode_stream(stream)
                return


def _paced(samples: Samples) -> list[tuple[float, Samples]]:
    """Frames with the times at which they have been said."""
    begun = time.perf_counter()
    count = len(samples) // FRAME
    return [
        (begun + (number + 1) * FRAME / RATE_HZ, samples[number * FRAME : (number + 1) * FRAME])
        for number in range(count)
    ]


def serve_bare(folder: Path, threads: int, pipe: Connection) -> None:
    bare = Bare(folder, threads)
    pipe.send(bare.steps)
    while (asked := pipe.recv()) is not None:
        name, arguments = asked
        pipe.send(getattr(bare, name)(*arguments))


class BareProcess:
    def __init__(self, folder: Path, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve_bare, args=(folder, threads, theirs), daemon=True)
        self.process.start()
        self.steps: Steps = self.pipe.recv()

    def _ask(self, name: str, *arguments: object) -> Any:
        self.pipe.send((name, arguments))
        return self.pipe.recv()

    async def ask(self, name: str, *arguments: object) -> Any:
        return await asyncio.to_thread(self._ask, name, *arguments)

    def memory_mb(self) -> float:
        return _memory_mb(self.process.pid or 0)

    def cpu(self) -> float:
        return _cpu(self.process.pid or 0)

    def end(self) -> None:
        self.pipe.send(None)
        self.process.join()


def _memory_mb(pid: int) -> float:
    root = psutil.Process(pid)
    family = [root, *root.children(recursive=True)]
    return round(sum(process.memory_full_info().pss for process in family) / 1e6, 1)


def _cpu(pid: int) -> float:
    """Seconds that a process has used of the processor."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


class Ours:
    """The service, asked over its WebSocket."""

    def __init__(self, endpoint: EngineEndpoint, steps: Steps, pid: int) -> None:
        self.endpoint, self.steps, self.pid = endpoint, steps, pid

    def memory_mb(self) -> float:
        return _memory_mb(self.pid)

    def cpu(self) -> float:
        return _cpu(self.pid)

    async def throughput(self, streams: int) -> float:
        messages = [_append(samples) for samples in _cut(sound(BATCH_SECONDS), APPEND)]
        opened = [self._session() for _ in range(streams)]
        sockets = [await session.__aenter__() for session in opened]
        begun = time.perf_counter()
        await asyncio.gather(*(self._whole(socket, messages) for socket in sockets))
        took = time.perf_counter() - begun
        for session in opened:
            await session.__aexit__(None, None, None)
        return took

    async def _whole(self, socket: ClientConnection, messages: Sequence[str]) -> None:
        for message in messages:
            await socket.send(message)
        await socket.send(_COMMIT)
        await _expect(socket, f"{TRANSCRIPTION}.completed")

    async def latencies(self) -> list[float]:
        """From the frame that filled a chunk to the words of the chunk."""
        async with self._session() as socket:
            speaking = asyncio.create_task(self._speak(socket, sound(LATENCY_SECONDS)))
            chunks = int((LATENCY_SECONDS * RATE_HZ - self.steps.first) // self.steps.chunk)
            heard = [await self._heard(socket) for _ in range(chunks)]
            begun = await speaking
            return [
                at - (begun + _said(self.steps.first + number * self.steps.chunk))
                for number, at in enumerate(heard)
            ]

    async def _heard(self, socket: ClientConnection) -> float:
        await _expect(socket, f"{TRANSCRIPTION}.delta")
        return time.perf_counter()

    async def _speak(self, socket: ClientConnection, samples: Samples) -> float:
        """When it began."""
        frames = _paced(samples)
        for due, frame in frames:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await socket.send(_append(frame))
        return frames[0][0] - FRAME / RATE_HZ

    async def ends(self) -> list[float]:
        took = []
        for seconds in ENDS:
            async with self._session() as socket:
                await self._speak(socket, sound(seconds))
                ended = time.perf_counter()
                await socket.send(_COMMIT)
                await _expect(socket, f"{TRANSCRIPTION}.completed")
                took.append(time.perf_counter() - ended)
        return took

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[ClientConnection]:
        url = f"{self.endpoint.url.replace('http', 'ws', 1)}/realtime?intent=transcription"
        audio = {"format": {"type": "audio/pcm", "rate": RATE_HZ}, "turn_detection": None}
        async with connect(url, additional_headers=self.endpoint.headers, proxy=None) as socket:
            session = {"type": "transcription", "audio": {"input": audio}}
            await socket.send(json.dumps({"type": "session.update", "session": session}))
            await _expect(socket, "session.updated")
            yield socket


def _said(samples: int) -> float:
    """Seconds until the frame that holds the last of them was sent."""
    return -(-samples // FRAME) * FRAME / RATE_HZ


def _cut(samples: Samples, size: int) -> list[Samples]:
    return [samples[at : at + size] for at in range(0, len(samples), size)]


def _append(samples: Samples) -> str:
    audio = base64.b64encode(pcm(samples)).decode()
    return json.dumps({"type": "input_audio_buffer.append", "audio": audio})


_COMMIT = json.dumps({"type": "input_audio_buffer.commit"})


async def _expect(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        event: dict[str, Any] = json.loads(await socket.recv())
        if event["type"] == kind:
            return event
        if event["type"] == "error" or event["type"].endswith(".failed"):
            raise SystemExit(f"the service failed: {event}")


@asynccontextmanager
async def service(folder: Path, threads: int, steps: Steps) -> AsyncIterator[Ours]:
    with tempfile.TemporaryDirectory(prefix="sottovoce-bench-") as home:
        stt = {"model": str(folder), "threads": threads, "fallbacks": ()}
        settings = load({"home": Path(home), "offline": True, "stt": stt}, {})
        async with Supervisor(settings, kinds=["stt"]) as supervisor:
            async for statuses in supervisor.changes():
                if statuses["stt"].state == "ready":
                    break
            pid = supervisor.status("stt").pid
            assert pid is not None
            yield Ours(supervisor.endpoint("stt"), steps, pid)


@dataclass
class Figures:
    """Lists have one value for each round: seconds of speech a second, processor seconds for a second of
    speech, and ms."""

    throughput_bare: list[float] = field(default_factory=list)
    throughput_ours: list[float] = field(default_factory=list)
    cpu_bare: list[float] = field(default_factory=list)
    cpu_ours: list[float] = field(default_factory=list)
    latency_bare: list[float] = field(default_factory=list)
    latency_ours: list[float] = field(default_factory=list)
    end_bare: list[float] = field(default_factory=list)
    end_ours: list[float] = field(default_factory=list)
    end_without_flush: list[float] = field(default_factory=list)
    memory_bare_mb: float = 0.0
    memory_ours_mb: float = 0.0


async def measure(folder: Path, threads: int, streams: int, rounds: int) -> Figures:
    figures, bare = Figures(), BareProcess(folder, threads)
    async with service(folder, threads, bare.steps) as ours:
        for _ in range(rounds):
            seconds = streams * BATCH_SECONDS
            used = bare.cpu()
            figures.throughput_bare.append(seconds / await bare.ask("throughput", streams))
            figures.cpu_bare.append((bare.cpu() - used) / seconds)
            used = ours.cpu()
            figures.throughput_ours.append(seconds / await ours.throughput(streams))
            figures.cpu_ours.append((ours.cpu() - used) / seconds)
            figures.latency_bare.append(_ms(await bare.ask("latencies")))
            figures.latency_ours.append(_ms(await ours.latencies()))
            figures.end_bare.append(_ms(await bare.ask("ends", True)))
            figures.end_ours.append(_ms(await ours.ends()))
            figures.end_without_flush.append(_ms(await bare.ask("ends", False)))
        figures.memory_bare_mb, figures.memory_ours_mb = bare.memory_mb(), ours.memory_mb()
    bare.end()
    return figures


def _ms(seconds: Sequence[float]) -> float:
    return statistics.median(seconds) * 1000


def _spread(values: Sequence[float], digits: int = 1) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def show(figures: Figures) -> None:
    ratios = [o / b for o, b in zip(figures.throughput_ours, figures.throughput_bare, strict=True)]
    added = [o - b for o, b in zip(figures.latency_ours, figures.latency_bare, strict=True)]
    rows = (
        ("seconds of speech a second, bare", _spread(figures.throughput_bare, 2)),
        ("seconds of speech a second, service", _spread(figures.throughput_ours, 2)),
        ("ratio", _spread(ratios, 3)),
        ("of a processor for speech, bare", _spread(figures.cpu_bare, 3)),
        ("of a processor for speech, service", _spread(figures.cpu_ours, 3)),
        ("words of a chunk after it was said, bare, ms", _spread(figures.latency_bare)),
        ("words of a chunk after it was said, service, ms", _spread(figures.latency_ours)),
        ("added by the service, ms", _spread(added)),
        ("final after the end, bare with flush, ms", _spread(figures.end_bare)),
        ("final after the end, service, ms", _spread(figures.end_ours)),
        ("final after the end, without flush, ms", _spread(figures.end_without_flush)),
        ("memory, bare, MB", str(figures.memory_bare_mb)),
        ("memory, service, MB", str(figures.memory_ours_mb)),
    )
    for name, value in rows:
        print(f"{name:50} {value}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--size", default="quarter", choices=("tiny", "quarter", "0.6b"))
    parser.add_argument("--model", type=Path)
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(logical=False) or 1)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with model(given.size, given.model) as folder:
        figures = asyncio.run(measure(folder, given.threads, given.streams, given.rounds))
    show(figures)
    if given.json:
        given.json.write_text(json.dumps(asdict(figures), indent=1))


if __name__ == "__main__":
    main()
