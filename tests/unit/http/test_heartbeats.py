"""Signs of life, in virtual time."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from sottovoce.errors import EngineCrashed
from sottovoce.http.heartbeats import with_heartbeats
from tests.virtual_time import run


async def slow(*pauses: float, failure: Exception | None = None) -> AsyncGenerator[str]:
    for number, pause in enumerate(pauses):
        await asyncio.sleep(pause)
        yield f"item {number}"
    if failure is not None:
        raise failure


async def collected(items: AsyncGenerator[str]) -> list[str | None]:
    return [item async for item in with_heartbeats(items, every=10.0)]


def test_silence_is_filled() -> None:
    assert run(collected(slow(1, 25, 9))) == ["item 0", None, None, "item 1", "item 2"]


def test_nothing_is_added_where_there_is_no_silence() -> None:
    assert run(collected(slow(1, 1))) == ["item 0", "item 1"]
    assert run(collected(slow())) == []


def test_a_failure_comes_through() -> None:
    with pytest.raises(EngineCrashed):
        run(collected(slow(11, failure=EngineCrashed("died", engine="stt"))))


def test_who_leaves_ends_the_work() -> None:
    ends: list[str] = []

    async def work() -> AsyncGenerator[str]:
        try:
            await asyncio.Event().wait()
            yield "never"
        finally:
            ends.append("ended")

    async def main() -> None:
        beats = with_heartbeats(work(), every=10.0)
        assert await anext(beats) is None
        await beats.aclose()

    run(main())
    assert ends == ["ended"]
