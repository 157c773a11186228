"""A server of our own for a measurement: fresh home, free port, ended by process id."""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from sottovoce.bench.child import child, members, memory_mb, tail
from sottovoce.errors import EngineUnavailable
from sottovoce.http.server import listen

READY_DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    url: str
    key: str
    pid: int

    def memory_mb(self) -> dict[str, float]:
        """Proportional set size of the server and each of its children, by process title."""
        return {
            f"{_title(process)} ({process.pid})": round(memory_mb(process), 1)
            for process in members([self.pid])
        }


def _title(process: psutil.Process) -> str:
    words: list[str] = [word for word in process.cmdline()[1:] if word not in ("-m", "sottovoce")]
    return next((word for word in words if word in ("serve", "stt", "llm", "tts")), str(process.name()))


@asynccontextmanager
async def running_server(**settings: str) -> AsyncIterator[RunningServer]:
    """`sottovoce serve` with the embedded engines, ready to talk; `settings` as in `llm_url="http://…"`."""
    with tempfile.TemporaryDirectory(prefix="sottovoce-bench-") as home:
        sock = listen("127.0.0.1", 0)
        port = sock.getsockname()[1]
        sock.close()
        key = "sk-bench-" + secrets.token_urlsafe(24)
        given = {"home": home, "api_key": key, "tls": "false", **settings}
        own = {f"SOTTOVOCE_{name.upper()}": value for name, value in given.items()}
        log = Path(home) / "server.log"
        command = [sys.executable, "-m", "sottovoce", "serve", "--port", str(port), "--no-browser"]
        async with child(command, log, settings=own) as process:
            await _wait_ready(f"http://127.0.0.1:{port}", process, log)
            yield RunningServer(f"http://127.0.0.1:{port}", key, process.pid)


async def _wait_ready(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(READY_DEADLINE):
        while True:
            if process.returncode is not None:
                raise EngineUnavailable(f"The server ended while starting:\n{tail(log)}", engine="stt")
            try:
                if (await client.get(f"{url}/readyz")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
