"""`sottovoce worker` as a process of its own, with scripted engines that outlive a test's event loop.

Its environment tempts it: proxies that lead nowhere, names and tokens of LiveKit's cloud. A tripwire notes
every address outside this machine that it reaches for.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.fake_engines import FakeEngines
from tests.live_server import STOP_TIMEOUT, free_port
from tests.livekit_server import LiveKitServer
from tests.mortal import mortal
from tests.serving import served

READY_TIMEOUT = 90.0
"""A machine that is busy imports the libraries for half a minute."""
POLL = 0.05
TRIPWIRE = Path(__file__).parents[1] / "tripwire"
NOWHERE = "http://127.0.0.1:9"
TEMPTATIONS = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"), NOWHERE),
    "LIVEKIT_WORKER_TOKEN": "a-hosted-worker",
    "LIVEKIT_AGENT_NAME_OVERRIDE": "somebody-else",
    "LIVEKIT_OBSERVABILITY_URL": "https://observability.example.com",
    "LIVEKIT_REMOTE_EOT_URL": "wss://turns.example.com",
    "LIVEKIT_DEV_MODE": "1",
}


class Engines:
    """`fake` is what they do; they answer from a thread of their own. `callers` are the connections' ends."""

    def __init__(self) -> None:
        self.fake = FakeEngines(facts={"prewarm": True}, known_voices=("alloy", "sol"))
        self.callers: dict[str, set[tuple[str, int]]] = {}
        self.url = ""
        self._ready = threading.Event()

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._stop, self._loop = asyncio.Event(), asyncio.get_running_loop()
        async with served(self._noting(self.fake.app())) as url:
            self.url = self.fake.url = f"{url}/v1"
            self._ready.set()
            await self._stop.wait()

    def _noting(self, app: ASGIApp) -> ASGIApp:
        async def note(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                self.callers.setdefault(scope["path"], set()).add(tuple(scope["client"]))
            await app(scope, receive, send)

        return note

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)


@contextmanager
def engines_beside() -> Iterator[Engines]:
    engines = Engines()
    thread = threading.Thread(target=engines.run, name="engines")
    thread.start()
    assert engines._ready.wait(READY_TIMEOUT)
    try:
        yield engines
    finally:
        engines.stop()
        thread.join(STOP_TIMEOUT)


class WorkerProcess:
    """`start` after the process has ended comes back in the same place. `settings` are `SOTTOVOCE_*`."""

    def __init__(
        self, folder: Path, server: LiveKitServer, engines: Engines, name: str = "worker", **settings: object
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{name}-{self.port}.log"
        self._strays = folder / f"{name}-{self.port}.strays"
        self.secret = server.api_secret
        own = {f"SOTTOVOCE_{key.upper()}": str(value) for key, value in settings.items()}
        urls = {f"SOTTOVOCE_{kind}_URL": engines.url for kind in ("STT", "LLM", "TTS")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SOTTOVOCE_")}
        self.environment = {
            **kept,
            **TEMPTATIONS,
            **server.settings,
            **urls,
            "SOTTOVOCE_LIVEKIT_WORKER_PORT": str(self.port),
            "SOTTOVOCE_LIVEKIT_DEPARTURE_TIMEOUT": "1",
            "PYTHONPATH": str(TRIPWIRE),
            "NETWORK_TRIPWIRE": str(self._strays),
            **own,
        }
        self.process: subprocess.Popen[bytes]
        self._client = httpx.Client(base_url=self.url, verify=False, timeout=5, trust_env=False)

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL, stdout: int | None = None) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                mortal(sys.executable, "-P", "-m", "sottovoce", "worker", *arguments),
                env=self.environment,
                stdin=stdin,
                stdout=log if stdout is None else stdout,
                stderr=log,
            )

    @property
    def memory_bytes(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)

    @property
    def threads(self) -> int:
        return int(psutil.Process(self.process.pid).num_threads())

    @property
    def thread_names(self) -> set[str]:
        """By the kernel, native ones included."""
        return {path.read_text().strip() for path in Path(f"/proc/{self.process.pid}/task").glob("*/comm")}

    @property
    def descriptors(self) -> int:
        return int(psutil.Process(self.process.pid).num_fds())

    def is_ready(self) -> bool:
        return self.readiness()[0] == 200

    def readiness(self) -> tuple[int, list[str]]:
        try:
            reply = self._client.get("/readyz")
        except httpx.TransportError:
            return 0, []
        return reply.status_code, reply.json().get("reasons", [])

    def count(self, name: str, **labels: str) -> float:
        """A sample of /metrics; 0 where there is none yet."""
        reply = self._client.get("/metrics")
        samples = (one for family in text_string_to_metric_families(reply.text) for one in family.samples)
        return next((one.value for one in samples if (one.name, one.labels) == (name, labels)), 0.0)

    def wait_ready(self) -> WorkerProcess:
        deadline = time.monotonic() + READY_TIMEOUT
        while not self.is_ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"{self.readiness()}\n{self.log.read_text()}"
            time.sleep(POLL)
        return self

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    async def end(self) -> int:
        """Its exit status, once it has ended."""
        return await asyncio.to_thread(self.process.wait, STOP_TIMEOUT)

    def stop(self) -> None:
        """Calls are ended; it must be gone soon, have said no secret, and reached for nobody else."""
        if self.process.poll() is None:
            deadline = time.monotonic() + STOP_TIMEOUT
            self.signal()
            while self.process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.2)
                self.signal()  # a second one ends calls that go on
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(STOP_TIMEOUT)
        self._client.close()
        assert self.secret not in self.log.read_text()
        assert not self._strays.exists(), self._strays.read_text()
