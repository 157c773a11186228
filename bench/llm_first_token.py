"""Time to the first token of a local model: cold, cached, after another conversation; what our service adds.

    python bench/llm_first_token.py [--shape 0.6b] [--model FILE] [--prefix 256] [--rounds 5] [--json FILE]

Runs the llm service with a model of true cost and random weights (or the given .gguf), and asks the llama.cpp
behind it directly (A) and through the service (B), A B A B, with the same request. "Cold" prompts begin with
a word that no prompt had before; "cached" ones share the prefix and differ in the user's 20 tokens; "after
another" asks for the one when the other conversation was answered between. On a busy machine seconds of
arithmetic differ by more than the service adds, so that is also measured alone, with a model that takes no
time. Then it leaves in the middle of a cold prompt and of a reply, and looks how long the slot stays busy.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from sottovoce.engines.llm.base import ReplyRequest
from sottovoce.engines.llm.chat import Message
from sottovoce.services.llama.wire import Manners, chat_body
from tests.made_models.gguf import scripted
from tests.made_models.gguf_shapes import SHAPES, shaped
from tests.mind_service import CHAT, KEY, MindService, gguf

RATIO_GOAL = 1.05
CANCEL_AFTER = 1.0
WORD = " weather"
"""One token of the models made here."""
LOOK = 0.01


@dataclass(frozen=True)
class Target:
    """Where a completion is asked for."""

    name: str
    url: str
    key: str

    def first_token(self, body: dict[str, Any]) -> float:
        """Seconds to the first event that holds words."""
        began = time.perf_counter()
        for line in self.lines(body):
            if line.startswith(b"data: {") and json.loads(line[6:]).get("choices"):
                [choice] = json.loads(line[6:])["choices"]
                if choice["delta"].get("content") or choice["finish_reason"]:
                    return time.perf_counter() - began
        raise SystemExit(f"{self.name} ended without a word")

    def lines(self, body: dict[str, Any]) -> Generator[bytes, None, None]:
        """The reply's lines; the connection is closed with the iterator."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=600)
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        connection.request("POST", CHAT, json.dumps(body), headers)
        reply = connection.getresponse()
        try:
            if reply.status != 200:
                raise SystemExit(f"{self.name} answered {reply.status}: {reply.read().decode()}")
            yield from reply
        finally:
            reply.close()
            connection.close()


@dataclass
class Row:
    """Seconds to the first token, bare and through the service."""

    name: str
    bare: list[float] = field(default_factory=list)
    service: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [ours / theirs for ours, theirs in zip(self.service, self.bare, strict=True)]


class Prompts:
    """Bodies with prompts of `prefix` words; each cold one begins as none did before."""

    def __init__(self, prefix: int) -> None:
        self._prefix = prefix
        self._numbers = itertools.count()

    def body(self, conversation: str | None = None, max_tokens: int = 1, words: int = 20) -> dict[str, Any]:
        number = next(self._numbers)
        system = f"{conversation or f'number {number}'}{WORD * self._prefix}"
        said = f"{number}{WORD * words}"
        messages = ({"role": "system", "content": system}, {"role": "user", "content": said})
        request = ReplyRequest(tuple(Message.model_validate(one) for one in messages), max_tokens=max_tokens)
        return chat_body(request, Manners())


def in_turns(name: str, rounds: int, pair: tuple[Target, Target], ask: Callable[[Target], float]) -> Row:
    """A B A B; who is first changes, for caches get warm."""
    row = Row(name)
    for number in range(rounds):
        times = {target: ask(target) for target in (pair if number % 2 else pair[::-1])}
        row.bare.append(times[pair[0]])
        row.service.append(times[pair[1]])
    return row


def measured(pair: tuple[Target, Target], prompts: Prompts, rounds: int) -> list[Row]:
    """Cold, cached, and after another conversation."""

    def ask(target: Target, conversation: str | None = None) -> float:
        body = prompts.body(conversation)
        return target.first_token(body if target is pair[0] else as_clients_ask(body))

    def ask_after_another(target: Target) -> float:
        ask(pair[0], "two")
        return ask(target, "one")

    cold = in_turns("cold", rounds, pair, ask)
    ask(pair[0], "one")
    cached = in_turns("cached prefix", rounds * 2, pair, lambda target: ask(target, "one"))
    return [cold, cached, in_turns("after another conversation", rounds, pair, ask_after_another)]


def as_clients_ask(body: dict[str, Any]) -> dict[str, Any]:
    """Of a body for llama.cpp, what a client of our service sends."""
    return {name: body[name] for name in ("messages", "stream", "max_tokens")}


def busy(bare: Target) -> bool:
    parts = urlsplit(bare.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    connection.request("GET", "/metrics", headers={"authorization": f"Bearer {bare.key}"})
    found = re.search(rb"^llamacpp:requests_processing (\d+)", connection.getresponse().read(), re.MULTILINE)
    connection.close()
    assert found is not None
    return found[1] != b"0"


def idle_after(bare: Target, service: Target, body: dict[str, Any], *, is_speaking: bool) -> float:
    """Seconds from a client's leaving to the idle slot."""
    lines = service.lines(as_clients_ask(body))
    began = time.perf_counter()
    for line in lines:  # comments, while the prompt is read
        if is_speaking == line.startswith(b"data: ") and time.perf_counter() - began > CANCEL_AFTER:
            break
    lines.close()
    left = time.perf_counter()
    while busy(bare):
        time.sleep(LOOK)
    return time.perf_counter() - left


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="0.6b")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--prefix", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=max(1, (psutil.cpu_count(logical=False) or 1) - 1))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = given.model or shaped(folder / f"{given.shape}.gguf", given.shape)
        with running(scripted(folder / "tiny.gguf"), folder, given.threads) as service:
            row = in_turns("nothing but the service", 50, targets(service), tiny)
        with running(model, folder, given.threads) as service:
            report(service, Prompts(given.prefix), given.rounds, row, given.json)


def tiny(target: Target) -> float:
    return target.first_token(as_clients_ask(Prompts(1).body("hello")))


@contextmanager
def running(model: Path, folder: Path, threads: int) -> Iterator[MindService]:
    began = time.perf_counter()
    service = MindService(
        gguf(model),
        folder,
        llm_server="built-in",
        llm_context="4096",
        llm_parallel="1",
        llm_threads=str(threads),
    )
    try:
        service.ready()
        print(f"{model.stem} is ready after {time.perf_counter() - began:.1f} s")
        yield service
    finally:
        service.stop()


def targets(service: MindService) -> tuple[Target, Target]:
    llama = service.llama()
    [port] = [one.laddr.port for one in llama.net_connections("tcp4") if one.status == psutil.CONN_LISTEN]
    bare = Target("llama.cpp", f"http://127.0.0.1:{port}", llama.environ()["LLAMA_API_KEY"])
    return bare, Target("service", service.url, KEY)


def report(service: MindService, prompts: Prompts, rounds: int, alone: Row, path: Path | None) -> None:
    bare, ours = targets(service)
    rows = [alone, *measured((bare, ours), prompts, rounds)]
    print(f"{'first token, s':28} {'bare':>8} {'service':>8} {'ratio':>7}  (middle half)")
    for row in rows:
        low, middle, high = statistics.quantiles(row.ratios, n=4)
        print(
            f"{row.name:28} {statistics.median(row.bare):8.3f} {statistics.median(row.service):8.3f} "
            f"{middle:7.3f}  ({low:.3f} to {high:.3f})"
        )
    reading = [idle_after(bare, ours, prompts.body(words=1500), is_speaking=False) for _ in range(2)]
    talking = [
        idle_after(bare, ours, prompts.body("one", max_tokens=400), is_speaking=True) for _ in range(2)
    ]
    print("slot idle after a client left: reading", [f"{one:.2f}" for one in reading], end=" s, ")
    print("talking", [f"{one:.2f}" for one in talking], "s")
    processes = {"service": psutil.Process(service.process.pid), "llama.cpp": service.llama()}
    memory = {name: process.memory_info().rss for name, process in processes.items()}
    print("memory, MB:", {name: held // 1_000_000 for name, held in memory.items()})
    added = statistics.median(ours - theirs for ours, theirs in zip(alone.service, alone.bare, strict=True))
    for row in rows[1:]:
        ratio = 1 + added / statistics.median(row.bare)
        verdict = "meets" if ratio <= RATIO_GOAL else "MISSES"
        print(
            f"{row.name}: {added * 1000:.1f} ms of the service make {ratio:.4f}, which {verdict} {RATIO_GOAL}"
        )
    if path is not None:
        told = {
            "rows": [asdict(row) for row in rows],
            "reading": reading,
            "talking": talking,
            "memory": memory,
        }
        path.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
