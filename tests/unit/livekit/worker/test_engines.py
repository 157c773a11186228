from __future__ import annotations

import asyncio

import pytest

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.livekit.worker.engines import FRESH, EngineWatch
from sottovoce.livekit.worker.fed_engines import FixedEngines


class World:
    """Engines by model; those in `well` answer."""

    def __init__(self) -> None:
        self.well = {"stt", "stt-2", "llm", "tts"}
        self.looks: list[str] = []
        self.changes = 0
        self.now = 0.0
        self.hold: asyncio.Event | None = None
        kinds: tuple[EngineKind, ...] = ("stt", "llm", "tts")
        chains = {kind: [EngineEndpoint(kind, "http://x/v1", "", kind)] for kind in kinds}
        chains["stt"].append(EngineEndpoint("stt", "http://y/v1", "", "stt-2"))
        self.watch = EngineWatch(FixedEngines(chains), self.changed, look=self.look, now=lambda: self.now)

    def changed(self) -> None:
        self.changes += 1

    async def looking(self, engines: int) -> None:
        """Until so many are looked at."""
        while len(self.looks) < engines:  # noqa: ASYNC110  the next step of the loop
            await asyncio.sleep(0)

    async def look(self, endpoint: EngineEndpoint) -> bool:
        self.looks.append(endpoint.model)
        if self.hold is not None:
            await self.hold.wait()
        return endpoint.model in self.well


@pytest.fixture
def world() -> World:
    return World()


async def test_nobody_is_believed_before_the_first_look(world: World) -> None:
    assert world.watch.missing == ("stt", "llm", "tts")
    assert await world.watch.are_well()
    assert world.watch.reason is None


async def test_one_of_a_kind_is_enough(world: World) -> None:
    world.well = {"stt-2", "llm", "tts"}
    assert await world.watch.are_well()


async def test_who_starts_without_engines_says_so_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.well = set()
    await world.watch.look()
    await world.watch.look()
    assert [record.getMessage() for record in caplog.records] == [
        "nobody answers for stt and llm and tts, or not with the key that is set: no job is taken"
    ]


async def test_a_kind_that_nobody_answers_for_is_named(world: World) -> None:
    world.well = {"stt", "tts"}
    assert not await world.watch.are_well()
    assert world.watch.reason == "nobody answers for llm"
    assert world.changes == 1
    world.well.add("llm")
    await world.watch.look()
    assert world.watch.missing == ()
    assert world.changes == 2


async def test_a_fresh_look_is_good_for_the_next_job(world: World) -> None:
    await world.watch.are_well()
    looks = len(world.looks)
    world.now += FRESH - 0.1
    await world.watch.are_well()
    assert len(world.looks) == looks
    world.now += 0.2
    await world.watch.are_well()
    assert len(world.looks) > looks


async def test_all_who_ask_at_once_get_one_look(world: World) -> None:
    world.hold = asyncio.Event()
    asking = [asyncio.create_task(world.watch.are_well()) for _ in range(5)]
    await world.looking(4)
    world.hold.set()
    assert await asyncio.gather(*asking) == [True] * 5
    assert len(world.looks) == 4


async def test_who_gives_up_waiting_leaves_the_look_to_others(world: World) -> None:
    world.hold = asyncio.Event()
    asking = asyncio.create_task(world.watch.are_well())
    await world.looking(1)
    asking.cancel()
    other = asyncio.create_task(world.watch.are_well())
    await asyncio.sleep(0)
    world.hold.set()
    assert await other
    await world.watch.aclose()
