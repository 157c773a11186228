"""A service ends in time although a thread of it does not: alone there is nobody who would kill it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from sottovoce.services.child import LEAVE_DEADLINE

BUSY = """
import asyncio, threading
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from sottovoce.services.child import ServiceOptions, run_service

@asynccontextmanager
async def lifespan(app):
    loading = asyncio.create_task(asyncio.to_thread(threading.Event().wait))
    yield
    loading.cancel()

run_service(Starlette(lifespan=lifespan), ServiceOptions(key="a-key-for-the-tests"))
"""


@pytest.mark.timeout(60)
def test_a_thread_that_loads_for_ever_holds_no_service() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as service:
        assert service.stderr is not None
        assert "Listening" in service.stderr.readline()
        service.send_signal(signal.SIGTERM)
        assert service.wait(LEAVE_DEADLINE + 20) == 0
        assert "leaving although threads are busy" in service.stderr.read()
