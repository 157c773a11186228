"""A real livekit-server on free loopback ports, that a test may kill and start again."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.live_server import STOP_TIMEOUT, free_port
from tests.mortal import mortal

BUILT = Path(__file__).parents[1] / ".tools" / "bin" / "livekit-server"
READY_TIMEOUT = 20.0
POLITE_STOP = 1.0
POLL = 0.05


def livekit_program() -> str:
    """The server on PATH, else the one that `make livekit` built. A missing one fails: nothing is skipped."""
    program = shutil.which("livekit-server") or (str(BUILT) if BUILT.is_file() else None)
    assert program is not None, "There is no livekit-server. Run: make livekit"
    return program


class LiveKitServer:
    """`start` after `kill` comes back at the same address, with nothing remembered."""

    def __init__(self, folder: Path, *, has_foreign_stun: bool = False) -> None:
        """`has_foreign_stun`: it sends clients to Google and Twilio, as one that nobody configured does."""
        self.port, self.tcp_port, self.udp_port = free_port(), free_port(), free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.api_key, self.api_secret = f"API{secrets.token_hex(6)}", secrets.token_urlsafe(32)
        self.log = folder / f"livekit-{self.port}.log"
        self._config: dict[str, Any] = {
            "port": self.port,
            "bind_addresses": ["127.0.0.1"],
            "keys": {self.api_key: self.api_secret},
            "rtc": {
                "tcp_port": self.tcp_port,
                "udp_port": self.udp_port,
                "use_external_ip": False,
                "node_ip": "127.0.0.1",
                "enable_loopback_candidate": True,
                "ips": {"includes": ["127.0.0.1/32"]},
                "interfaces": {"includes": ["lo"]},
            },
            "logging": {"level": "info", "json": True},
        }
        if not has_foreign_stun:
            self._config["rtc"]["stun_servers"] = ["127.0.0.1:9"]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The environment of those who use it."""
        return {
            "LIVEKIT_URL": self.url,
            "LIVEKIT_API_KEY": self.api_key,
            "LIVEKIT_API_SECRET": self.api_secret,
        }

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    def start(self) -> None:
        environment = {**os.environ, "LIVEKIT_CONFIG": json.dumps(self._config)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                mortal(livekit_program()), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + READY_TIMEOUT
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"livekit-server did not become ready:\n{self.log.read_text()}")
            time.sleep(POLL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_TIMEOUT)

    def stop(self) -> None:
        """Asked twice it waits for no participant; one that stays all the same is killed, and that fails."""
        for _ in range(2):
            if self.process.poll() is None:
                self.process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(POLITE_STOP)
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False
