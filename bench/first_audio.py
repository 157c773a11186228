"""How soon the tts service is heard: from the request on an open connection to the first audio of the reply.

    python bench/first_audio.py [--json FILE] [--requests 200] [--at-once 4]

Starts the service as `sottovoce serve` does, asks it over loopback with the standard library's client, whose
own share is small, and takes for each text the time to the first bytes after the reply's header and to the
last. The busy row repeats the shortest text while other clients have long texts spoken. Then the formats,
asked for in turn, each beside pcm: by how much later its first bytes come, and how large it is.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from sottovoce.config import EngineEndpoint, load
from sottovoce.services.supervisor import Supervisor

WARM_UP = 10
PCM_BYTES_PER_SECOND = 48_000
TEXTS = {
    "one word": "Yes.",
    "a sentence": "It is a quarter past three in the afternoon.",
    "figures": "Meet me on 2026-11-22 at 12:05, it costs $3.50; call 555-1234.",
    "4096 characters": ("The quick brown fox jumps over the lazy dog again. " * 81)[:4096],
}


FORMATS = ("pcm", "wav", "flac", "mp3", "opus", "aac")


@dataclass(frozen=True)
class Spoken:
    """Times in ms since the request was sent, and the size of the reply."""

    first_ms: float
    whole_ms: float
    size_bytes: int

    @property
    def sound(self) -> float:
        """Seconds, of a reply in pcm."""
        return self.size_bytes / PCM_BYTES_PER_SECOND


@dataclass(frozen=True)
class Row:
    """What the requests for one text add up to."""

    text: str
    requests: int
    first_ms_p50: float
    first_ms_p95: float
    first_ms_max: float
    whole_ms_p50: float
    sound_per_second: float


@dataclass(frozen=True)
class FormatRow:
    """One format beside pcm, asked for in turn. `later_ms` is the median of the differences to the pcm of the
    same round, with its quartiles; ratios are those of the medians."""

    format: str
    first_ms_p50: float
    first_ratio: float
    later_ms: float
    later_ms_quartiles: tuple[float, float]
    whole_ratio: float
    size_ratio: float


class Client:
    """One keep-alive connection to the service."""

    def __init__(self, endpoint: EngineEndpoint) -> None:
        at = urlsplit(endpoint.url)
        self.connection = http.client.HTTPConnection(at.hostname or "", at.port)
        self.headers = {"authorization": f"Bearer {endpoint.api_key}", "content-type": "application/json"}

    def speak(self, text: str, response_format: str = "pcm") -> Spoken:
        body = json.dumps({"input": text, "voice": "alloy", "response_format": response_format})
        began = time.perf_counter()
        self.connection.request("POST", "/v1/audio/speech", body, self.headers)
        reply = self.connection.getresponse()
        assert reply.status == 200, reply.read()
        received = len(reply.read1())
        first = time.perf_counter()
        received += len(reply.read())
        whole = time.perf_counter()
        return Spoken((first - began) * 1e3, (whole - began) * 1e3, received)


@contextmanager
def others(endpoint: EngineEndpoint, count: int) -> Iterator[None]:
    """`count` clients that have long texts spoken without pause."""
    done = threading.Event()

    def go_on() -> None:
        client = Client(endpoint)
        while not done.is_set():
            client.speak(TEXTS["4096 characters"])

    threads = [threading.Thread(target=go_on) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def measure(name: str, speak: Callable[[], Spoken], requests: int) -> Row:
    for _ in range(WARM_UP):
        speak()
    runs = [speak() for _ in range(requests)]
    first = sorted(run.first_ms for run in runs)
    whole = statistics.median(run.whole_ms for run in runs)
    return Row(
        name,
        requests,
        round(statistics.median(first), 2),
        round(first[int(0.95 * (len(first) - 1))], 2),
        round(first[-1], 2),
        round(whole, 2),
        round(sum(run.sound for run in runs) / sum(run.whole_ms / 1e3 for run in runs)),
    )


def measure_formats(client: Client, requests: int) -> list[FormatRow]:
    """A B A B: every round asks for each format once."""
    text = TEXTS["a sentence"]
    rounds = [{name: client.speak(text, name) for name in FORMATS} for _ in range(WARM_UP + requests)][
        WARM_UP:
    ]
    return [compare(name, [one[name] for one in rounds], [one["pcm"] for one in rounds]) for name in FORMATS]


def compare(name: str, runs: Sequence[Spoken], pcm: Sequence[Spoken]) -> FormatRow:
    later = [run.first_ms - bare.first_ms for run, bare in zip(runs, pcm, strict=True)]
    low, middle, high = statistics.quantiles(later, n=4)

    def ratio(of: Callable[[Spoken], float]) -> float:
        return round(statistics.median(map(of, runs)) / statistics.median(map(of, pcm)), 2)

    return FormatRow(
        name,
        round(statistics.median(run.first_ms for run in runs), 2),
        ratio(lambda run: run.first_ms),
        round(middle, 2),
        (round(low, 2), round(high, 2)),
        ratio(lambda run: run.whole_ms),
        ratio(lambda run: run.size_bytes),
    )


def measure_all(endpoint: EngineEndpoint, requests: int, at_once: int) -> list[Row]:
    client = Client(endpoint)
    rows: list[Row] = []
    for name, text in TEXTS.items():
        count = requests if len(text) < 1000 else max(requests // 10, 1)
        rows.append(measure(name, lambda text=text: client.speak(text), count))  # type: ignore[misc]
    with others(endpoint, at_once):
        busy = max(requests // 4, 1)
        rows.append(
            measure(f"one word, {at_once} others busy", lambda: client.speak(TEXTS["one word"]), busy)
        )
    return rows


async def run(requests: int, at_once: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as home:
        async with Supervisor(load({"home": home}, {}), kinds=["tts"]) as supervisor:
            began = time.perf_counter()
            await supervisor.wait_ready()
            ready_ms = (time.perf_counter() - began) * 1e3
            process = psutil.Process(supervisor.status("tts").pid)
            idle_bytes = process.memory_info().rss
            endpoint = supervisor.endpoint("tts")
            rows = await asyncio.to_thread(measure_all, endpoint, requests, at_once)
            formats = await asyncio.to_thread(measure_formats, Client(endpoint), requests)
            return {
                "ready_ms": round(ready_ms),
                "idle_rss_mb": round(idle_bytes / 1e6, 1),
                "busy_rss_mb": round(process.memory_info().rss / 1e6, 1),
                "rows": [asdict(row) for row in rows],
                "formats": [asdict(row) for row in formats],
            }


def print_table(result: dict[str, object]) -> None:
    print(
        f"ready in {result['ready_ms']} ms; {result['idle_rss_mb']} MB idle, {result['busy_rss_mb']} MB after"
    )
    print("                               asked  first audio p50     p95     max   whole p50   x real time")
    rows = result["rows"]
    assert isinstance(rows, list)
    for row in (Row(**row) for row in rows):
        first = f"{row.first_ms_p50:12.2f} ms {row.first_ms_p95:7.2f} {row.first_ms_max:7.2f}"
        print(
            f"{row.text:30} {row.requests:5} {first} {row.whole_ms_p50:8.1f} ms {row.sound_per_second:13.0f}"
        )
    formats = result["formats"]
    assert isinstance(formats, list)
    print("\nbeside pcm       first audio p50   ratio   later by (quartiles)      whole    size")
    for one in (FormatRow(**row) for row in formats):
        low, high = one.later_ms_quartiles
        print(
            f"{one.format:16} {one.first_ms_p50:12.2f} ms {one.first_ratio:7.2f} "
            f"{one.later_ms:7.2f} ms ({low:.2f} to {high:.2f}) {one.whole_ratio:10.2f} {one.size_ratio:7.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=4, help="clients of the busy run")
    given = parser.parse_args()
    result = asyncio.run(run(given.requests, given.at_once))
    print_table(result)
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
