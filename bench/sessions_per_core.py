"""How many conversations one core carries before sound comes late: over WebSockets, and as WebRTC calls.

    python bench/sessions_per_core.py [--json FILE] [--seconds 4] [--websocket 8,16,…] [--webrtc 2,4,…]

Every session speaks and is spoken to without a pause, which real ones never do. The gateway (with sessions
that need no engines) has one core for itself, this program, all its clients, another. "late" is how long a
piece of sound comes after the moment it is due: over a WebSocket, when a client without a buffer of its own
would have run dry; over WebRTC, its place in the stream of 20 ms packets. A step holds while 95 % are in
time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import psutil
from load_webrtc import WebRtcClient
from load_websocket import WebSocketClient

SERVER = Path(__file__).with_name("endless_gateway.py")
SETTLE = 1.0
"""Seconds after new sessions have come, before anything is counted."""
FULL = 90.0
"""Percent of its core above which the clients' side is the limit, and not the server."""
LATE_MS = {"websocket": 0.0, "webrtc": 20.0}
"""A WebSocket is kept 60 to 100 ms ahead of need; a WebRTC client's buffer forgives a packet's length."""
Client: TypeAlias = WebSocketClient | WebRtcClient
KINDS: dict[str, Callable[[str, str], Client]] = {"websocket": WebSocketClient, "webrtc": WebRtcClient}


@dataclass(frozen=True)
class Row:
    """`cpu` is percent of the server's core for each session, `memory_mb` what each added."""

    transport: str
    sessions: int
    late_ms_p50: float
    late_ms_p95: float
    late_ms_max: float
    delivered: float
    server_cpu: float
    cpu: float
    memory_mb: float
    clients_cpu: float

    @property
    def is_held(self) -> bool:
        return self.late_ms_p95 <= LATE_MS[self.transport] and self.delivered > 0.99


class Meter:
    """CPU of one process since the last look, in percent of a core."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.start()

    def start(self) -> None:
        self._began, self._cpu = time.perf_counter(), self._used()

    def percent(self) -> float:
        return 100 * (self._used() - self._cpu) / (time.perf_counter() - self._began)

    def memory_mb(self) -> float:
        return float(self._process.memory_info().rss) / 1e6

    def _used(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


@asynccontextmanager
async def server(core: int) -> AsyncIterator[tuple[str, str, int]]:
    """Host, key and process id of a gateway on `core`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SERVER), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    os.sched_setaffinity(process.pid, {core})
    try:
        at = json.loads(await process.stdout.readline())
        yield at["host"], at["key"], process.pid
    finally:
        process.stdin.close()
        await process.wait()


async def measure(transport: str, steps: Sequence[int], seconds: float, core: int) -> list[Row]:
    rows: list[Row] = []
    async with server(core) as (host, key, pid), AsyncExitStack() as stack:
        meter, own = Meter(pid), Meter(os.getpid())
        clients: list[Client] = [await stack.enter_async_context(KINDS[transport](host, key))]
        await asyncio.sleep(SETTLE)
        first_mb = meter.memory_mb()
        for sessions in steps:
            while len(clients) < sessions:
                clients.append(await stack.enter_async_context(KINDS[transport](host, key)))
            await asyncio.sleep(SETTLE)
            for client in clients:
                client.clear()
            meter.start()
            own.start()
            await asyncio.sleep(seconds)
            rows.append(reckon(transport, clients, seconds, meter, own, first_mb))
            show(rows[-1])
            if not rows[-1].is_held or rows[-1].clients_cpu > FULL:
                break
    return rows


def reckon(
    transport: str, clients: Sequence[Client], seconds: float, meter: Meter, own: Meter, first_mb: float
) -> Row:
    cpu, clients_cpu, memory_mb = meter.percent(), own.percent(), meter.memory_mb()
    late = sorted(ms for client in clients for ms in client.late_ms) or [float("inf")]
    return Row(
        transport,
        len(clients),
        late_ms_p50=round(late[len(late) // 2], 1),
        late_ms_p95=round(late[int(0.95 * (len(late) - 1))], 1),
        late_ms_max=round(late[-1], 1),
        delivered=round(statistics.fmean(client.received for client in clients) / seconds, 3),
        server_cpu=round(cpu, 1),
        cpu=round(cpu / len(clients), 2),
        memory_mb=round((memory_mb - first_mb) / max(len(clients) - 1, 1), 2),
        clients_cpu=round(clients_cpu, 1),
    )


def show(row: Row) -> None:
    note = "" if row.is_held else "  slipped"
    note += "  (the clients' core is full)" if row.clients_cpu > FULL else ""
    print(
        f"{row.transport:10}{row.sessions:9}{row.late_ms_p50:8.1f}{row.late_ms_p95:8.1f}{row.late_ms_max:8.1f}"
        f"{row.delivered:10.3f}{row.server_cpu:8.1f}{row.cpu:9.2f}{row.memory_mb:9.2f}{row.clients_cpu:9.1f}{note}",
        flush=True,
    )


def steps(text: str) -> list[int]:
    return sorted({int(number) for number in text.split(",") if number})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--websocket", type=steps, default=steps("1,32,64,96,128,160,192"))
    parser.add_argument("--webrtc", type=steps, default=steps("1,8,16,24,32,40"))
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("This takes two cores: one for the server, one for its clients.")
    os.sched_setaffinity(0, {cores[1]})
    print("transport  sessions  late p50     p95     max delivered  server  % each  MB each  clients")
    rows: list[Row] = []
    for transport in KINDS:
        rows += asyncio.run(measure(transport, getattr(arguments, transport), arguments.seconds, cores[0]))
    for transport in KINDS:
        held = [row for row in rows if row.transport == transport and row.is_held]
        if held:
            most = held[-1]
            print(f"{transport}: {most.sessions} held, at {most.cpu} % of the core each")
    if arguments.json:
        report = {"late_ms": LATE_MS, "seconds": arguments.seconds, "rows": [asdict(row) for row in rows]}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
