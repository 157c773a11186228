"""Requests wait for an engine that is loading, for some seconds; in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from sottovoce.errors import EngineUnavailable
from sottovoce.services.health import LOAD_PATIENCE, Health
from tests.virtual_time import run


async def waited(loading_time: float, error: EngineUnavailable | None = None) -> float:
    """Seconds until a request may go on."""

    async def load() -> None:
        await asyncio.sleep(loading_time)
        if error is not None:
            raise error

    health, clock = Health(), asyncio.get_running_loop().time
    loading = asyncio.create_task(health.load(load()))
    try:
        await health.wait("The engine", "llm")
        return clock()
    finally:
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)


@pytest.mark.parametrize("loading_time", [0.5, LOAD_PATIENCE - 0.5])
def test_a_request_waits_while_its_engine_loads(loading_time: float) -> None:
    assert run(waited(loading_time)) == loading_time


def test_nobody_waits_longer_than_a_while() -> None:
    with pytest.raises(EngineUnavailable, match="The engine is not ready: loading") as refused:
        run(waited(LOAD_PATIENCE + 1))
    assert refused.value.engine == "llm"


def test_an_engine_that_failed_is_not_waited_for() -> None:
    with pytest.raises(EngineUnavailable, match=r"not ready: No model\."):
        run(waited(1.0, EngineUnavailable("No model.", engine="llm")))


async def test_an_engine_is_warm_before_it_is_ready() -> None:
    health, seen = Health(), []

    async def load() -> None:
        seen.append(health.status)

    async def warm() -> None:
        seen.append(health.status)

    await health.load(load(), warm)
    assert [*seen, health.status] == ["loading", "warming", "ready"]


async def test_whatever_stops_a_load_is_a_reason(caplog: pytest.LogCaptureFixture) -> None:
    async def load() -> None:
        raise OSError("no such device")

    health = Health()
    await health.load(load())
    assert health.status == "failed"
    assert "no such device" in (health.reason or "")
    assert "Traceback" in caplog.text


async def test_one_that_does_not_get_warm_failed() -> None:
    async def load() -> None: ...

    async def warm() -> None:
        raise EngineUnavailable("It says nothing.", engine="tts")

    health = Health()
    await health.load(load(), warm)
    assert (health.status, health.reason) == ("failed", "It says nothing.")


async def test_a_reason_is_one_line_whatever_a_library_says() -> None:
    health = Health()

    async def load() -> None:
        raise EngineUnavailable("Load model failed:\n  Unsupported attribute \n", engine="stt")

    await health.load(load())
    assert health.reason == "Load model failed: Unsupported attribute"
