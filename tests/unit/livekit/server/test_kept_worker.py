from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sottovoce.config import Settings
from sottovoce.livekit.access import LiveKitAccess
from sottovoce.livekit.server.kept_worker import KeptWorker, worker_environment

ACCESS = LiveKitAccess("ws://127.0.0.1:7880", "APIx", "s" * 43)

WORKER = """
import json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lacks = ["nobody answers for stt"]

class Face(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"status": "loading" if lacks else "ready", "reasons": lacks}).encode()
        self.send_response(503 if lacks else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Face)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("a library says hello", flush=True)
print("WARNING sottovoce.livekit.worker.running: to the log", file=sys.stderr, flush=True)
url = f"http://127.0.0.1:{server.server_port}"
print(json.dumps({"registered": True, "worker_id": os.environ["LIVEKIT_URL"], "http": url}), flush=True)
for line in sys.stdin:
    word = line.strip()
    if word == "die":
        sys.exit("error: told to die")
    if word == "hang":
        server.shutdown()
        server.server_close()
    lacks[:] = [] if word == "well" else [word]
"""


class Watched:
    """The status as it was at each change."""

    def __init__(self, home: Path, script: str = WORKER) -> None:
        self.changed = asyncio.Event()
        command = (sys.executable, "-c", script)
        self.worker = KeptWorker(Settings(home=home), ACCESS, self.changed.set, command)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not is_so():
                self.changed.clear()
                await self.changed.wait()

    def state(self) -> str:
        return self.worker.keeping.status.state


@asynccontextmanager
async def kept(home: Path, script: str = WORKER) -> AsyncIterator[Watched]:
    watched = Watched(home, script)
    running = asyncio.create_task(watched.worker.run())
    try:
        yield watched
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_it_is_ready_when_it_says_that_a_room_would_get_an_assistant(home: Path) -> None:
    async with kept(home) as watched:
        await watched.until(lambda: watched.worker.lacks == "nobody answers for stt")
        assert watched.state() == "starting"
        watched.worker.tell_engines(b"well\n")
        await watched.until(lambda: watched.state() == "ready")
        assert watched.worker.lacks is None
        watched.worker.tell_engines(b"not registered at the LiveKit server\n")
        await watched.until(lambda: watched.state() == "starting")
        assert watched.worker.lacks == "not registered at the LiveKit server"
        watched.worker.tell_engines(b"well\n")
        await watched.until(lambda: watched.state() == "ready")


async def test_the_next_one_hears_of_the_engines_again(home: Path) -> None:
    async with kept(home) as watched:
        watched.worker.tell_engines(b"well\n")
        await watched.until(lambda: watched.state() == "ready")
        assert watched.worker._child is not None
        watched.worker._child.write(b"die\n")
        await watched.until(lambda: watched.state() == "restarting")
        assert watched.worker.keeping.status.reason == "ended with status 1: error: told to die"
        await watched.until(lambda: watched.state() == "ready")


async def test_what_it_prints_goes_to_the_log(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with kept(home) as watched:
            watched.worker.tell_engines(b"well\n")
            await watched.until(lambda: watched.state() == "ready")
    told = [(record.levelname, record.message) for record in caplog.records if "worker" in record.name]
    assert ("INFO", "a library says hello") in told
    assert ("WARNING", "sottovoce.livekit.worker.running: to the log") in told
    assert "registered" not in caplog.text


async def test_one_that_hangs_is_begun_again(home: Path) -> None:
    async with kept(home) as watched:
        watched.worker.tell_engines(b"well\n")
        await watched.until(lambda: watched.state() == "ready")
        watched.worker.tell_engines(b"hang\n")
        await watched.until(lambda: watched.state() == "restarting")
        assert watched.worker.keeping.status.reason == "hangs: it does not answer"


def test_it_is_told_its_settings_and_no_others(home: Path) -> None:
    settings = Settings(home=home, max_sessions=3, instructions="Be brief.", livekit={"agent_name": "cook"})
    told = worker_environment(settings, ACCESS)
    assert told["LIVEKIT_URL"] == ACCESS.url
    assert told["LIVEKIT_API_SECRET"] == ACCESS.api_secret
    assert told["SOTTOVOCE_LIVEKIT_AGENT_NAME"] == "cook"
    assert told["SOTTOVOCE_MAX_SESSIONS"] == "3"
    assert told["SOTTOVOCE_INSTRUCTIONS"] == "Be brief."
    assert told["SOTTOVOCE_LIVEKIT_WORKER_PORT"] == "0", "8081 may be taken, and nobody asked for it"
    assert "SOTTOVOCE_API_KEY" not in told


def test_its_port_is_the_one_that_was_asked_for(home: Path) -> None:
    settings = Settings(home=home, livekit={"worker_port": 9100, "drain_timeout": 1})
    told = worker_environment(settings, ACCESS)
    assert told["SOTTOVOCE_LIVEKIT_WORKER_PORT"] == "9100"
    assert told["SOTTOVOCE_LIVEKIT_DRAIN_TIMEOUT"] == "1"


def test_the_secret_is_in_no_repr(home: Path) -> None:
    worker = KeptWorker(Settings(home=home), ACCESS, lambda: None)
    worker.tell_engines(json.dumps({"api_key": "engine-key"}).encode())
    assert ACCESS.api_secret not in repr(worker)
    assert "engine-key" not in repr(worker)
