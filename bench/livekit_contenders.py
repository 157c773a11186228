"""Who is measured by `livekit_rooms.py`: servers of our own on loopback, all asking the same engines."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
from livekit_participants import Ticket
from livekit_plain_worker import AGENT_NAME as PLAIN

sys.path.insert(0, str(Path(__file__).parents[1]))

from sottovoce.bench.child import child, tail
from sottovoce.bench.server import running_server
from sottovoce.config import ENGINE_KINDS, EngineEndpoint, EngineKind, load
from sottovoce.http.server import listen
from sottovoce.services.supervisor import Supervisor
from tests.livekit.participant import token
from tests.livekit_server import LiveKitServer

HERE = Path(__file__).parent
START_DEADLINE = 60.0
OURS = "sottovoce"
DEPARTURE_TIMEOUT = 1
"""Seconds for which a conversation outlives its participant: one measurement shall not wait for the last."""
MANY = 200
"""Sessions that are allowed where the limit is not what is measured."""


@dataclass(frozen=True)
class Engines:
    endpoints: Mapping[EngineKind, EngineEndpoint]

    @property
    def settings(self) -> dict[str, str]:
        """As Sottovoce takes them."""
        found: dict[str, str] = {}
        for kind, endpoint in self.endpoints.items():
            name = f"SOTTOVOCE_{kind.upper()}"
            found |= {f"{name}_URL": endpoint.url, f"{name}_API_KEY": endpoint.api_key}
            found[f"{name}_MODEL"] = endpoint.model
        return found

    @property
    def told(self) -> str:
        """As the plain worker takes them."""
        return json.dumps(
            {kind: {"url": at.url, "api_key": at.api_key} for kind, at in self.endpoints.items()}
        )


@dataclass(frozen=True)
class Contender:
    """`pids` are what is counted as its own, `server_pids` the LiveKit server, if it has one."""

    letter: str
    name: str
    pids: Sequence[int]
    server_pids: Sequence[int]
    tickets: Callable[[int], list[Ticket]]


@asynccontextmanager
async def timed_engines(log: Path, *, has_streams: bool) -> AsyncIterator[Engines]:
    command = [sys.executable, str(HERE / "timed_engines.py"), *(["--streaming"] if has_streams else [])]
    async with child(command, log, has_pipes=True) as process:
        url = json.loads(await _line(process, log))["url"]
        yield Engines(
            {kind: EngineEndpoint(kind, url, "timed-engine-key-0123", "timed") for kind in ENGINE_KINDS}
        )


@asynccontextmanager
async def embedded_engines() -> AsyncIterator[Engines]:
    with tempfile.TemporaryDirectory(prefix="sottovoce-bench-") as home:
        async with Supervisor(load({"home": Path(home), "profile": "embedded", "offline": True}, {})) as kept:
            await kept.wait_ready()
            yield Engines({kind: kept.endpoint(kind) for kind in ENGINE_KINDS})


@asynccontextmanager
async def contenders(
    letters: str, engines: Engines, folder: Path, *, workers: int, max_sessions: int = MANY
) -> AsyncIterator[dict[str, Contender]]:
    """Those of A, B and C that are asked for, ready."""
    async with AsyncExitStack() as stack:
        found: dict[str, Contender] = {}
        if set(letters) & {"A", "B"}:
            server = LiveKitServer(folder)
            server.start()
            stack.callback(server.kill)  # it would wait for participants who are just leaving
        for letter in letters:
            making: dict[str, Callable[[], AbstractAsyncContextManager[Contender]]] = {
                "A": lambda: _ours(server, engines, folder, workers, max_sessions),
                "B": lambda: _plain(server, engines, folder, workers),
                "C": lambda: _calls(engines, max_sessions),
            }
            found[letter] = await stack.enter_async_context(making[letter]())
        yield found


@asynccontextmanager
async def _ours(
    server: LiveKitServer, engines: Engines, folder: Path, workers: int, max_sessions: int
) -> AsyncIterator[Contender]:
    async with AsyncExitStack() as stack:
        pids = []
        for number in range(workers):
            own = {
                "SOTTOVOCE_HOME": str(folder),
                "SOTTOVOCE_MAX_SESSIONS": str(max_sessions),
                "SOTTOVOCE_LIVEKIT_WORKER_PORT": str(port := _free_port()),
                "SOTTOVOCE_LIVEKIT_DEPARTURE_TIMEOUT": str(DEPARTURE_TIMEOUT),
                "SOTTOVOCE_LIVEKIT_DRAIN_TIMEOUT": "0",
                **server.settings,
                **engines.settings,
            }
            log = folder / f"worker-{number}.log"
            command = [sys.executable, "-m", "sottovoce", "worker"]
            process = await stack.enter_async_context(child(command, log, settings=own))
            await _ready(f"http://127.0.0.1:{port}/readyz", process, log)
            pids.append(process.pid)
        name = "sottovoce, rooms" if workers == 1 else f"sottovoce, rooms, {workers} workers"
        yield Contender("A", name, pids, [server.process.pid], _room_tickets(server, OURS))


@asynccontextmanager
async def _plain(
    server: LiveKitServer, engines: Engines, folder: Path, workers: int
) -> AsyncIterator[Contender]:
    async with AsyncExitStack() as stack:
        pids = []
        for number in range(workers):
            log = folder / f"plain-{number}.log"
            command = [sys.executable, str(HERE / "livekit_plain_worker.py")]
            own = {**server.settings, "ENGINES": engines.told}
            process = await stack.enter_async_context(child(command, log, settings=own, has_pipes=True))
            await _line(process, log)
            pids.append(process.pid)
        name = "livekit-agents, VAD"
        yield Contender("B", name, pids, [server.process.pid], _room_tickets(server, PLAIN))


@asynccontextmanager
async def _calls(engines: Engines, max_sessions: int) -> AsyncIterator[Contender]:
    own = {name.removeprefix("SOTTOVOCE_").lower(): value for name, value in engines.settings.items()}
    async with running_server(**own, max_sessions=str(max_sessions)) as server:

        def tickets(number: int) -> list[Ticket]:
            return [Ticket("call", server.url, server.key)] * number

        yield Contender("C", "sottovoce, calls", [server.pid], [], tickets)


def _room_tickets(server: LiveKitServer, agent: str) -> Callable[[int], list[Ticket]]:
    """Each for a room of its own, never used before."""
    rooms = count()

    def tickets(number: int) -> list[Ticket]:
        names = [f"{agent}-{next(rooms)}" for _ in range(number)]
        return [Ticket("room", server.url, _token(server, name, agent)) for name in names]

    return tickets


def _token(server: LiveKitServer, room: str, agent: str) -> str:
    return token(server, room, "somebody", agent=agent, departure_timeout=DEPARTURE_TIMEOUT)


def _free_port() -> int:
    sock = listen("127.0.0.1", 0)
    port: int = sock.getsockname()[1]
    sock.close()
    return port


async def _line(process: asyncio.subprocess.Process, log: Path) -> bytes:
    """The first of its output. Raises `RuntimeError` where it ends before that."""
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), START_DEADLINE)
    if not line:
        raise RuntimeError(f"A process ended while starting:\n{tail(log)}")
    return line


async def _ready(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(START_DEADLINE):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"The worker ended while starting:\n{tail(log)}")
            try:
                if (await client.get(url)).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
