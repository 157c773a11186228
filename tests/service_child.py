"""An engine service as a process of its own, as `serve` starts it; models are loaded there, not in tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from sottovoce.config import EngineKind
from sottovoce.http.server import listen
from sottovoce.models.installed import InstalledModel
from sottovoce.processes.environment import child_environment
from sottovoce.services.child import SERVICE_KEY, SERVICE_MODEL

KEY = "a-key-for-the-tests"
READY_TIMEOUT = 60.0
"""On a busy machine; the embedded recogniser may have to build its language model."""
STOP_TIMEOUT = 10.0
POLL = 0.02


@dataclass
class ServiceChild:
    """`log` is what it printed."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {KEY}"}

    def readiness(self) -> dict[str, object]:
        """What it says of itself; {} where it does not answer (any more)."""
        try:
            reply: dict[str, object] = httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).json()
        except httpx.TransportError:
            return {}
        return reply

    def settled(self) -> dict[str, object]:
        """What it says once it is ready or failed, or {} when it has ended."""
        deadline = time.monotonic() + READY_TIMEOUT
        while time.monotonic() < deadline:
            said = self.readiness()
            if said.get("status") in ("ready", "failed") or self.process.poll() is not None:
                return said
            time.sleep(POLL)
        raise AssertionError(f"the service did not settle:\n{self.log.read_text()}")

    def ready(self) -> ServiceChild:
        said = self.settled()
        if said.get("status") != "ready":
            raise AssertionError(f"the service is not ready: {said}\n{self.log.read_text()}")
        return self

    def end(self) -> int:
        """Its exit status, once it has ended by itself."""
        return self.process.wait(READY_TIMEOUT)


@contextmanager
def running(
    kind: EngineKind, model: InstalledModel | None, home: Path, settings: Mapping[str, str] | None = None
) -> Iterator[ServiceChild]:
    """It has just been started; `settings` are names and values as in the environment."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / f"{kind}.log"
    with listen("127.0.0.1", 0) as sock, log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "sottovoce.services", kind, "--fd", str(sock.fileno())],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[sock.fileno()],
            env=_environment(model, home, settings or {}),
        )
        try:
            yield ServiceChild(process, f"http://127.0.0.1:{sock.getsockname()[1]}", log)
        finally:
            _stop(process)


def _environment(model: InstalledModel | None, home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    environment = child_environment(os.environ, {"SOTTOVOCE_HOME": str(home), **settings, SERVICE_KEY: KEY})
    if model is not None:
        environment[SERVICE_MODEL] = model.model_dump_json()
    return environment


def _stop(process: subprocess.Popen[bytes]) -> None:
    """It is asked to, and its children go with it."""
    family = [] if process.poll() is not None else psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_TIMEOUT)
    assert process.stdin is not None
    process.stdin.close()
    _, left = psutil.wait_procs(family, STOP_TIMEOUT)
    for child in left:
        child.kill()
