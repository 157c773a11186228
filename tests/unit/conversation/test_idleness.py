from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sottovoce.conversation.idleness import Idleness
from tests import virtual_time


def fired(scene: Callable[[Idleness], Coroutine[Any, Any, None]]) -> list[float]:
    """The moments at which `scene`, with a time-out of 5 s, came to an idle end within an hour."""

    async def run() -> list[float]:
        moments: list[float] = []
        idleness = Idleness(lambda: moments.append(round(asyncio.get_running_loop().time(), 3)))
        idleness.timeout = 5.0
        await scene(idleness)
        await asyncio.sleep(3600)
        return moments

    return virtual_time.run(run())


def test_a_silence_is_told_once() -> None:
    async def scene(idleness: Idleness) -> None:
        idleness.begin()

    assert fired(scene) == [5.0]


def test_speech_ends_the_silence() -> None:
    async def scene(idleness: Idleness) -> None:
        idleness.begin()
        await asyncio.sleep(4)
        idleness.end()

    assert fired(scene) == []


def test_it_counts_from_the_end_of_the_reply() -> None:
    async def scene(idleness: Idleness) -> None:
        idleness.begin()
        await asyncio.sleep(4)
        idleness.pause()
        await asyncio.sleep(4)
        idleness.begin()

    assert fired(scene) == [13.0]


def test_the_reply_to_a_silence_begins_no_other() -> None:
    async def scene(idleness: Idleness) -> None:
        idleness.begin()
        await asyncio.sleep(6)
        idleness.pause()
        await asyncio.sleep(1)
        idleness.begin()
        await asyncio.sleep(60)
        idleness.end()  # the user is back
        idleness.begin()

    assert fired(scene) == [5.0, 72.0]


@pytest.mark.parametrize(("timeout", "moments"), [(None, []), (2.0, [5.0])])
def test_the_time_out_may_change_meanwhile(timeout: float | None, moments: list[float]) -> None:
    async def scene(idleness: Idleness) -> None:
        idleness.begin()
        await asyncio.sleep(3)
        idleness.timeout = timeout

    assert fired(scene) == moments


def test_nothing_is_told_before_it_was_ever_quiet() -> None:
    async def scene(idleness: Idleness) -> None: ...

    assert fired(scene) == []
