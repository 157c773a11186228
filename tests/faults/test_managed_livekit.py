"""`serve --livekit`: its LiveKit server and its worker die and come back, and end with it."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from sottovoce.livekit.server.keys import KEYS_FILE
from tests.gone import is_running, wait_gone
from tests.live_server import POLL, READY_TIMEOUT, Server
from tests.livekit_server import LiveKitServer, livekit_program

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]

DEADLINE = READY_TIMEOUT
FREE = {"livekit_port": "0", "livekit_udp_port": "0", "profile": "embedded"}
GONE_WITHIN = 20.0
"""Seconds. At once, but for one just begun, which looks for its parent when it has loaded."""
WORDS = {"server": "livekit-server", "worker": "worker"}
"""What a child's command line has in it."""


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    process = Server(home, "--livekit", livekit_program=livekit_program(), **FREE)
    try:
        process.begin()
        yield process
    finally:
        process.stop()


def child(server: Server, which: str) -> psutil.Process:
    return next(each for each in family(server) if WORDS[which] in map(base_name, command(each)))


def has(server: Server, which: str) -> bool:
    return any(WORDS[which] in map(base_name, command(each)) for each in family(server))


def command(process: psutil.Process) -> list[str]:
    """Nothing of one that has just ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def base_name(word: str) -> str:
    return Path(word).name


def family(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children(recursive=True)


def livekit(server: Server, path: str = "/api/status") -> Any:
    headers = {"authorization": f"Bearer {server.key}"}
    return httpx.get(server.url + path, headers=headers, timeout=5, trust_env=False).json()["livekit"]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(POLL)


def kill(server: Server, which: str) -> None:
    """Kill that child; returns when it was seen to be missing, and all is well again."""
    child(server, which).send_signal(signal.SIGKILL)
    until(lambda: livekit(server, "/readyz")["missing"] == which)
    server.wait_until_ready()
    assert livekit(server) == {"is_on": True, "is_ready": True, "reason": None}


def test_the_server_and_the_worker_come_back_and_end_with_serve(server: Server) -> None:
    server.wait_until_ready()
    assert livekit(server) == {"is_on": True, "is_ready": True, "reason": None}
    assert stat.S_IMODE((server.home / KEYS_FILE).stat().st_mode) == 0o600
    before = child(server, "server").net_connections("tcp4")[0].laddr

    kill(server, "server")
    assert child(server, "server").net_connections("tcp4")[0].laddr == before

    kill(server, "worker")

    everybody = family(server)
    server.stop()
    assert server.process.returncode == 0, "in time, else it would have been ended by force"
    assert not any(map(is_running, everybody))
    secret = (server.home / KEYS_FILE).read_text().split(": ")[1].strip()
    log = server.log.read_text()
    assert "livekit-server was killed by SIGKILL" in log
    assert "the worker was killed by SIGKILL" in log
    assert "Traceback" not in log
    assert secret not in log
    assert "Rooms" in log


def test_nobody_outlives_a_serve_that_is_killed(server: Server) -> None:
    until(lambda: all(has(server, which) for which in WORDS))
    everybody = family(server)
    server.kill()
    wait_gone(everybody, GONE_WITHIN)


def test_a_server_elsewhere_is_used_and_none_is_started(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = LiveKitServer(tmp_path)  # it need not even run
    for name, value in elsewhere.settings.items():
        monkeypatch.setitem(os.environ, name, value)
    server = Server(home, "--livekit", **FREE)
    try:
        server.begin()
        until(lambda: "Rooms" in server.log.read_text())
        assert livekit(server)["is_on"]
        assert len(family(server)) >= 3, "the engines"
        assert not any(has(server, which) for which in WORDS)
        log = server.log.read_text()
        assert elsewhere.url in log
        assert "LIVEKIT_URL wins over --livekit" in log
        assert elsewhere.api_secret not in log
        assert not (home / KEYS_FILE).exists()
    finally:
        server.stop()
