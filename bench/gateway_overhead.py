"""What the gateway costs: the same requests to an engine service directly and through the gateway, in turns.

    python bench/gateway_overhead.py [--json FILE] [--rounds 100]

Starts `sottovoce serve` and asks its engine services at their own addresses (A) and through the gateway (B),
A B A B, each over one open connection of the standard library's client. Each round gives one difference of
times to the first byte and one ratio of throughputs; the table has their medians and middle halves. The
embedded language engine answers in a few words, so long replies come from a scripted one, a token in a
server-sent event, as fast as it can: no model is as fast, so the last row is the worst case.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sottovoce.bench.server import RunningServer, running_server
from sottovoce.http.server import listen, serve

WARM_UP = 5
TOKENS = 5000
SENTENCE = "It is a quarter past three in the afternoon."
LONG_TEXT = ("The quick brown fox jumps over the lazy dog again. " * 81)[:4096]
PIECE_BYTES = 65_536
SCRIPTED = "scripted"
FIRST_BYTE_GOAL_MS = 5.0
THROUGHPUT_GOAL = 0.95


@dataclass(frozen=True)
class Call:
    """One kind of request; `share` is how much of the rounds it takes.

    Throughput is for streams that last: of a reply in one piece it would be the first byte's time again.
    """

    name: str
    engine: str
    path: str
    body: dict[str, Any]
    share: float = 1.0

    @property
    def is_long(self) -> bool:
        return self.share < 1


def speech(name: str, text: str, response_format: str, share: float) -> Call:
    body = {"model": "tts-1", "voice": "alloy", "input": text, "response_format": response_format}
    return Call(name, "tts", "/v1/audio/speech", body, share)


def chat(name: str, share: float) -> Call:
    body = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "Tell me a joke."}]}
    return Call(name, "llm", "/v1/chat/completions", body, share)


EMBEDDED = (
    speech("speech, a sentence, pcm", SENTENCE, "pcm", 1.0),
    speech("speech, a sentence, mp3", SENTENCE, "mp3", 1.0),
    speech("speech, 4096 characters, pcm", LONG_TEXT, "pcm", 0.2),
    speech("speech, 4096 characters, mp3", LONG_TEXT, "mp3", 0.1),
    chat("chat, a few words", 1.0),
)
STREAMED = (chat(f"chat, {TOKENS} tokens unpaced", 0.2),)


@dataclass(frozen=True)
class Address:
    url: str
    key: str


@dataclass(frozen=True)
class Timing:
    """Since the request was sent, in ms; the body's size."""

    first_ms: float
    whole_ms: float
    size_bytes: int

    @property
    def rate(self) -> float:
        return self.size_bytes / self.whole_ms


@dataclass(frozen=True)
class Row:
    """Medians; `…_middle` are the first and third quartile of the rounds."""

    call: str
    rounds: int
    direct_first_ms: float
    added_first_ms: float
    added_first_middle: tuple[float, float]
    direct_mb_per_second: float
    throughput_ratio: float | None
    throughput_middle: tuple[float, float] | None


class Connection:
    """One keep-alive connection."""

    def __init__(self, at: Address) -> None:
        parts = urlsplit(at.url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._headers = {"authorization": f"Bearer {at.key}", "content-type": "application/json"}

    def time(self, call: Call) -> Timing:
        body = json.dumps(call.body)
        began = time.perf_counter()
        self._connection.request("POST", call.path, body, self._headers)
        reply = self._connection.getresponse()
        assert reply.status == 200, reply.read()
        size = len(reply.read1(PIECE_BYTES))
        first = time.perf_counter()
        while piece := reply.read1(PIECE_BYTES):
            size += len(piece)
        return Timing((first - began) * 1e3, (time.perf_counter() - began) * 1e3, size)


def compare(call: Call, engine: Address, gateway: Address, rounds: int) -> Row:
    direct, through = Connection(engine), Connection(gateway)
    pairs = [(direct.time(call), through.time(call)) for _ in range(WARM_UP + rounds)][WARM_UP:]
    added = [b.first_ms - a.first_ms for a, b in pairs]
    ratios = [b.rate / a.rate for a, b in pairs]
    return Row(
        call.name,
        rounds,
        round(statistics.median(a.first_ms for a, _ in pairs), 2),
        round(statistics.median(added), 2),
        middle(added),
        round(statistics.median(a.rate for a, _ in pairs) / 1e3, 2),
        round(statistics.median(ratios), 3) if call.is_long else None,
        middle(ratios) if call.is_long else None,
    )


def middle(values: Sequence[float]) -> tuple[float, float]:
    first, _, third = statistics.quantiles(values, n=4)
    return round(first, 3), round(third, 3)


def engine_address(server: RunningServer, kind: str) -> Address:
    """Where the server's own child answers, and to which key."""
    for child in psutil.Process(server.pid).children():
        if kind in child.cmdline():
            (port,) = {at.laddr.port for at in child.net_connections("tcp") if at.status == "LISTEN"}
            return Address(f"http://127.0.0.1:{port}", child.environ()["SOTTOVOCE_SERVICE_KEY"])
    raise LookupError(kind)


@contextmanager
def scripted_engine() -> Iterator[Address]:
    """A process of its own that answers every chat with TOKENS events."""
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    command = [sys.executable, __file__, "--engine", str(sock.fileno())]
    process = subprocess.Popen(command, pass_fds=[sock.fileno()], env=os.environ.copy())
    sock.close()
    try:
        yield Address(f"http://127.0.0.1:{port}", "none")
    finally:
        process.terminate()
        process.wait()


async def for_ever() -> None:
    await asyncio.Event().wait()


def run_engine(descriptor: int) -> None:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": SCRIPTED}
    choice = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
    event = f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode()

    async def tokens() -> AsyncIterator[bytes]:
        for _ in range(TOKENS):
            yield event
        yield b"data: [DONE]\n\n"

    async def answer(request: Request) -> Response:
        await request.body()
        return StreamingResponse(tokens(), media_type="text/event-stream")

    async def models(request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": SCRIPTED}]})

    routes = [Route("/v1/models", models), Route("/v1/chat/completions", answer, methods=["POST"])]
    asyncio.run(serve(Starlette(routes=routes), socket.socket(fileno=descriptor), until=for_ever))


async def run(rounds: int) -> list[Row]:
    rows: list[Row] = []
    async with running_server() as server:
        gateway = Address(server.url, server.key)
        for call in EMBEDDED:
            engine = engine_address(server, call.engine)
            count = max(2, round(rounds * call.share))
            rows.append(await asyncio.to_thread(compare, call, engine, gateway, count))
    with scripted_engine() as engine:
        async with running_server(llm_url=f"{engine.url}/v1") as server:
            gateway = Address(server.url, server.key)
            for call in STREAMED:
                count = max(2, round(rounds * call.share))
                rows.append(await asyncio.to_thread(compare, call, engine, gateway, count))
    return rows


def print_table(rows: Sequence[Row]) -> None:
    print(f"{'':30} rounds  first byte  {'added (middle half)':24} direct       throughput ratio")
    for row in rows:
        added = f"{row.added_first_ms:6.2f} ms {shown(row.added_first_middle)}"
        ratio = f"{row.throughput_ratio:.3f} {shown(row.throughput_middle)}" if row.throughput_middle else ""
        first, rate = f"{row.direct_first_ms:7.2f} ms", f"{row.direct_mb_per_second:7.2f} MB/s"
        print(f"{row.call:30} {row.rounds:6} {first:>11}  {added:24} {rate}  {ratio}")
    print(f"goals: at most {FIRST_BYTE_GOAL_MS} ms added, throughput ratio at least {THROUGHPUT_GOAL}")


def shown(quartiles: tuple[float, float]) -> str:
    return f"({quartiles[0]:.2f} … {quartiles[1]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--engine", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.engine is not None:
        run_engine(given.engine)
        return
    rows = asyncio.run(run(given.rounds))
    print_table(rows)
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
