"""The real server as a process of its own, that a test may kill and start again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from sottovoce.gateway.server_key import KEY_FILE
from tests.mortal import mortal

READY_TIMEOUT = 90.0
"""The first start builds the recogniser's language model, on a machine that may be busy."""

STOP_TIMEOUT = 30.0
POLL = 0.1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """`sottovoce serve` on a free loopback port; `start` after `kill` comes back at the same address.

    `flags` go to the command, `settings` into its environment: `allowed_hosts="voice.lan"`.
    """

    def __init__(self, home: Path, *flags: str, **settings: str) -> None:
        self.home = home
        self.flags = flags
        self.settings = settings
        self.port = free_port()
        self.url = f"{'https' if '--tls' in flags else 'http'}://127.0.0.1:{self.port}"
        self.log = home / f"serve-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """Start it and wait for nothing."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SOTTOVOCE_")}
        own = {"home": str(self.home), "port": str(self.port), **self.settings}
        environment |= {f"SOTTOVOCE_{name.upper()}": value for name, value in own.items()}
        command = mortal(sys.executable, "-m", "sottovoce", "serve", "--no-browser", *self.flags)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not become ready:\n{self.log.read_text()}")
            time.sleep(POLL)

    @property
    def key(self) -> str:
        """The key that the first start made."""
        return (self.home / KEY_FILE).read_text().strip()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    def kill(self) -> None:
        """As the kernel would, short of memory: no goodbye to anybody."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT)

    def kill_engine(self, kind: str) -> None:
        self.kill_child("sottovoce.services", kind)

    def kill_child(self, *words: str) -> None:
        """The one whose command line holds all of `words`; a path counts by its last part."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # another one has just ended
                if set(words) <= {word.rpartition("/")[2] for word in child.cmdline()}:
                    child.send_signal(signal.SIGKILL)
                    return
        raise AssertionError(f"the server has no child for {' '.join(words)}")

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def _is_ready(self) -> bool:
        try:
            # whether to trust its certificate is for those to check who speak to it
            return httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False, verify=False).is_success
        except httpx.TransportError:
            return False
