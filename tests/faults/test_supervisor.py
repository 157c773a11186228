"""The supervisor on real processes that die, hang, refuse and outstay their welcome."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from sottovoce.config import load
from sottovoce.services import keeper, loading
from sottovoce.services.process import Spawner
from sottovoce.services.status import EngineStatus
from sottovoce.services.supervisor import Supervisor

TINY = Path(__file__).with_name("tiny_service.py")
SEEN_WITHIN = 1.0
"""Seconds in which a death has to be noticed."""


@asynccontextmanager
async def supervising(plan: str, home: Path) -> AsyncIterator[Supervisor]:
    """A supervisor of a tts that follows `plan`."""
    spawner = Spawner({"SOTTOVOCE_HOME": str(home)}, (sys.executable, str(TINY), plan))
    async with Supervisor(load({}, {}), kinds=["tts"], spawn=spawner) as supervisor:
        yield supervisor


async def until(
    supervisor: Supervisor, seen: Callable[[EngineStatus], bool], within: float = 15
) -> EngineStatus:
    async with asyncio.timeout(within):
        async for statuses in supervisor.changes():
            if seen(statuses["tts"]):
                return statuses["tts"]
    raise AssertionError


def pid_of(status: EngineStatus) -> int:
    assert status.pid is not None
    return status.pid


def is_ready(status: EngineStatus) -> bool:
    return status.state == "ready"


def is_running(pid: int) -> bool:
    """A zombie has ended, but whoever adopted it did not look yet."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def gone(pid: int, within: float) -> None:
    async with asyncio.timeout(within):
        while is_running(pid):  # noqa: ASYNC110  a process of others can only be polled
            await asyncio.sleep(0.02)


async def test_a_killed_child_is_back_at_its_old_address(home: Path) -> None:
    async with supervising("good", home) as supervisor:
        first = await until(supervisor, is_ready)
        os.kill(pid_of(first), signal.SIGKILL)
        seen = await until(supervisor, lambda status: status.state == "restarting", within=SEEN_WITHIN)
        assert seen.reason == "was killed by SIGKILL (out of memory, or killed by hand)"
        url = supervisor.endpoint("tts").url.removesuffix("/v1")
        async with httpx.AsyncClient() as client:  # asked while nobody listens: it waits in the backlog
            reply = await client.get(f"{url}/readyz", timeout=10)
        second = await until(supervisor, is_ready)
        assert reply.json()["pid"] == second.pid != first.pid
        assert second.restarts == 1


async def test_a_stopped_child_is_replaced(home: Path) -> None:
    async with supervising("good", home) as supervisor:
        first = await until(supervisor, is_ready)
        os.kill(pid_of(first), signal.SIGSTOP)
        seen = await until(supervisor, lambda status: status.state == "restarting")
        assert seen.reason == "hangs: it did not answer in time"
        await gone(pid_of(first), within=1)
        assert (await until(supervisor, is_ready)).pid != first.pid


async def test_a_child_that_ends_at_once_fails_with_its_last_words(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with supervising("exit", home) as supervisor:
            status = await until(supervisor, lambda status: status.restarts >= 2)
    assert status.state == "restarting"
    assert status.reason == "ended with status 1: nothing works here"
    assert ("sottovoce.engine.tts", logging.INFO, "plan exit") in caplog.record_tuples


@pytest.mark.parametrize("plan", ["deaf", "loading"])
async def test_a_child_that_never_gets_ready_is_replaced(
    home: Path, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LOAD_DEADLINE", 1.0)
    async with supervising(plan, home) as supervisor:
        first = await until(supervisor, lambda status: status.pid is not None)
        seen = await until(supervisor, lambda status: status.state == "restarting")
        assert seen.reason == "was not ready within 1 s"
        assert not is_running(pid_of(first))


async def test_a_child_that_gives_up_says_why(home: Path) -> None:
    async with supervising("failed", home) as supervisor:
        seen = await until(supervisor, lambda status: status.state == "restarting")
        assert seen.reason == "gave up: no model"


async def test_a_child_that_ignores_the_polite_stop_is_killed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "STOP_DEADLINE", 0.5)
    async with supervising("stubborn", home) as supervisor:
        pid = pid_of(await until(supervisor, is_ready))
        began = time.monotonic()
    assert 0.5 <= time.monotonic() - began < 2.5
    assert not is_running(pid)


async def test_the_family_of_a_child_goes_with_it(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with supervising("family", home) as supervisor:
            child = pid_of(await until(supervisor, is_ready))
            [grandchild] = psutil.Process(child).children()
            os.kill(child, signal.SIGKILL)
            await gone(grandchild.pid, within=1)


async def test_the_key_is_on_no_command_line(home: Path) -> None:
    async with supervising("good", home) as supervisor:
        process = psutil.Process(pid_of(await until(supervisor, is_ready)))
        key = supervisor.endpoint("tts").api_key
        assert key not in " ".join(process.cmdline())
        assert process.environ()["SOTTOVOCE_SERVICE_KEY"] == key


async def test_a_spawner_reports_a_program_that_is_not_there(home: Path) -> None:
    supervisor = Supervisor(
        load({}, {}), spawn=Spawner({"SOTTOVOCE_HOME": str(home)}, ("/nonexistent/program",))
    )
    async with supervisor:
        status = await until(supervisor, lambda status: status.reason is not None)
    assert "cannot be started" in (status.reason or "")


@pytest.mark.end_to_end
async def test_the_real_tts_service_is_kept(home: Path) -> None:
    async with Supervisor(load({"home": home}, {}), kinds=["tts"]) as supervisor:
        first = await until(supervisor, is_ready, within=30)
        at = supervisor.endpoint("tts")
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {at.api_key}"}, timeout=30) as client:
            body = {"model": at.model, "input": "Hello.", "response_format": "pcm"}
            assert len((await client.post(f"{at.url}/audio/speech", json=body)).content) > 10_000
            os.kill(pid_of(first), signal.SIGKILL)
            await until(supervisor, lambda status: status.state == "restarting", within=SEEN_WITHIN)
            assert len((await client.post(f"{at.url}/audio/speech", json=body)).content) > 10_000
        second = await until(supervisor, is_ready)
        assert second.restarts == 1
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert not is_running(pid_of(second))
