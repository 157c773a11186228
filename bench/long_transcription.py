"""An hour of speech through a whole server: how fast, how soon the first words, how much memory.

    python bench/long_transcription.py [--json FILE] [--minutes 60] [--first-words 5]

The test recordings, with pauses between them, are put together to one MP3 file and sent to
`/v1/audio/transcriptions` of a fresh server with `stream=true`. The first words are timed from the request's
beginning, in requests that are given up after them; then one request runs to its end, while the memory of
all the server's processes (proportional set size) is read every second. The memory at rest is read after a
first, short transcription.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
import wave
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path

import av
import httpx
import numpy as np
import psutil

from sottovoce.bench.server import RunningServer, running_server

RECORDINGS = Path(__file__).parents[1] / "tests" / "data" / "recordings"
RATE_HZ = 16_000
PAUSES = (0.4, 0.8, 0.5, 1.2, 0.6, 3.0)
"""Seconds between sentences, again and again."""
SAMPLING = 1.0
"""Seconds between two looks at the memory."""
TIMEOUT = httpx.Timeout(120.0)
ROUTE = "/v1/audio/transcriptions"


@dataclass(frozen=True)
class Speech:
    file: Path
    duration: float
    words: int


@dataclass
class Watch:
    """Memory in MB and processor seconds of a server's processes, over time."""

    server: RunningServer
    peak_mb: float = 0.0
    cpu: dict[int, float] = field(default_factory=dict)

    def look(self) -> float:
        memory = sum(self.server.memory_mb().values())
        self.peak_mb = max(self.peak_mb, memory)
        root = psutil.Process(self.server.pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self.cpu[process.pid] = times.user + times.system
        return memory

    async def run(self) -> None:
        while True:
            with contextlib.suppress(psutil.NoSuchProcess):
                await asyncio.to_thread(self.look)
            await asyncio.sleep(SAMPLING)


@dataclass(frozen=True)
class Figures:
    minutes: float
    file_mb: float
    first_words_p50: float
    first_words_min: float
    first_words_max: float
    wall: float
    real_time_factor: float
    cpu_per_audio: float
    idle_mb: float
    peak_mb: float
    above_idle_mb: float
    deltas: int
    longest_silence: float
    words_said: int
    words_heard: int


def speech(minutes: float, folder: Path) -> Speech:
    """The recordings in turn until they are `minutes` long."""
    rows = [row for row in json.loads((RECORDINGS / "manifest.json").read_text()) if row["text"]]
    file, duration, words = folder / "speech.mp3", 0.0, 0
    with av.open(str(file), "w", format="mp3") as output:
        stream = output.add_stream("libmp3lame", rate=RATE_HZ, layout="mono")
        stream.bit_rate = 48_000
        for row, pause in zip(cycle(rows), cycle(PAUSES), strict=False):
            if duration >= minutes * 60:
                break
            samples = np.concatenate(
                [_samples(RECORDINGS / row["file"]), np.zeros(int(pause * RATE_HZ), "<i2")]
            )
            for frame in _frames(samples, int(duration * RATE_HZ)):
                output.mux(stream.encode(frame))
            duration += len(samples) / RATE_HZ
            words += len(row["text"].split())
        output.mux(stream.encode(None))
    return Speech(file, duration, words)


def _samples(path: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    with wave.open(str(path)) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), "<i2")


def _frames(samples: np.ndarray[tuple[int], np.dtype[np.int16]], start: int) -> Iterator[av.AudioFrame]:
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "mono")
    frame.rate, frame.pts = RATE_HZ, start
    fifo = av.AudioResampler("s16p", "mono", RATE_HZ)
    yield from fifo.resample(frame)


async def deltas(client: httpx.AsyncClient, file: Path) -> AsyncGenerator[str]:
    with file.open("rb") as content:
        form = {"model": "gpt-4o-transcribe", "stream": "true"}
        async with client.stream("POST", ROUTE, data=form, files={"file": (file.name, content)}) as reply:
            if not reply.is_success:
                raise SystemExit((await reply.aread()).decode())
            async for line in reply.aiter_lines():
                if line.startswith("data: {"):
                    event = json.loads(line.removeprefix("data: "))
                    if "error" in event:
                        raise SystemExit(f"the transcription failed: {event['error']}")
                    if event["type"] == "transcript.text.delta":
                        yield event["delta"]


async def first_words(client: httpx.AsyncClient, file: Path) -> float:
    asked = time.perf_counter()
    async with contextlib.aclosing(deltas(client, file)) as words:
        await anext(words)
        return time.perf_counter() - asked


async def measure(spoken: Speech, rounds: int) -> Figures:
    async with running_server() as server:
        headers = {"authorization": f"Bearer {server.key}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=TIMEOUT) as client:
            short = RECORDINGS / "dialogue-what-time-is-it-slt.wav"
            async for _ in deltas(client, short):
                pass
            firsts = [await first_words(client, spoken.file) for _ in range(rounds)]
            idle_mb = await _settled(server)
            return await _whole(server, client, spoken, firsts, idle_mb)


async def _settled(server: RunningServer) -> float:
    """The memory when the processes of given-up requests are gone."""
    await asyncio.sleep(3.0)
    return sum(server.memory_mb().values())


async def _whole(
    server: RunningServer, client: httpx.AsyncClient, spoken: Speech, firsts: Sequence[float], idle_mb: float
) -> Figures:
    watch = Watch(server)
    watch.look()
    cpu_before = dict(watch.cpu)
    watching = asyncio.create_task(watch.run())
    begun = last = time.perf_counter()
    words = count = 0
    silence = 0.0
    async for delta in deltas(client, spoken.file):
        now = time.perf_counter()
        silence, last = max(silence, now - last), now
        words += len(delta.split())
        count += 1
        if count % 50 == 0:
            print(f"  {now - begun:6.0f} s, {words} words, peak {watch.peak_mb:.0f} MB", flush=True)
    wall = time.perf_counter() - begun
    watching.cancel()
    cpu = sum(spent - cpu_before.get(pid, 0.0) for pid, spent in watch.cpu.items())
    return Figures(
        minutes=round(spoken.duration / 60, 1),
        file_mb=round(spoken.file.stat().st_size / 1e6, 1),
        first_words_p50=round(statistics.median(firsts), 2),
        first_words_min=round(min(firsts), 2),
        first_words_max=round(max(firsts), 2),
        wall=round(wall, 1),
        real_time_factor=round(wall / spoken.duration, 3),
        cpu_per_audio=round(cpu / spoken.duration, 3),
        idle_mb=round(idle_mb, 1),
        peak_mb=round(watch.peak_mb, 1),
        above_idle_mb=round(watch.peak_mb - idle_mb, 1),
        deltas=count,
        longest_silence=round(silence, 1),
        words_said=spoken.words,
        words_heard=words,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--first-words", type=int, default=5, help="how often the first words are timed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sottovoce-bench-") as folder:
        print("putting the speech together")
        spoken = speech(given.minutes, Path(folder))
        figures = asyncio.run(measure(spoken, given.first_words))
    for name, value in asdict(figures).items():
        print(f"{name:18} {value:>10}")
    if given.json:
        given.json.write_text(json.dumps(asdict(figures), indent=2) + "\n")


if __name__ == "__main__":
    main()
