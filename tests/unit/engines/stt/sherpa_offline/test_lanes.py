from __future__ import annotations

import asyncio

import pytest

from sottovoce.engines.stt.sherpa_offline.lanes import Lanes


async def taken(lanes: Lanes, name: str, order: list[str], *, is_live: bool) -> None:
    await lanes.acquire(is_live=is_live)
    order.append(name)


async def test_people_go_before_files_each_in_their_order() -> None:
    lanes, order = Lanes(), list[str]()
    await lanes.acquire(is_live=False)
    names = {"file 1": False, "live 1": True, "file 2": False, "live 2": True}
    tasks = [asyncio.create_task(taken(lanes, name, order, is_live=live)) for name, live in names.items()]
    await asyncio.sleep(0)
    assert (order, lanes.waiting) == ([], 4)
    for task_number in range(4):
        lanes.release()
        await asyncio.sleep(0)
        assert len(order) == task_number + 1
    await asyncio.gather(*tasks)
    assert order == ["live 1", "live 2", "file 1", "file 2"]


async def test_who_is_cancelled_while_waiting_is_passed_over() -> None:
    lanes, order = Lanes(), list[str]()
    await lanes.acquire(is_live=True)
    one, two = (asyncio.create_task(taken(lanes, name, order, is_live=True)) for name in ("one", "two"))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.wait({one})
    lanes.release()
    await two
    assert (order, lanes.waiting) == (["two"], 0)


async def test_who_is_cancelled_in_the_moment_that_a_turn_ends_is_passed_over() -> None:
    lanes, order = Lanes(), list[str]()
    await lanes.acquire(is_live=True)
    one, two = (asyncio.create_task(taken(lanes, name, order, is_live=True)) for name in ("one", "two"))
    await asyncio.sleep(0)
    one.cancel()
    lanes.release()  # before one has learnt of it
    await asyncio.wait({one, two}, timeout=1)
    assert one.cancelled()
    assert (order, lanes.waiting) == (["two"], 0)


async def test_a_turn_that_comes_in_the_moment_of_cancelling_goes_to_the_next() -> None:
    lanes, order = Lanes(), list[str]()
    await lanes.acquire(is_live=True)
    one, two = (asyncio.create_task(taken(lanes, name, order, is_live=True)) for name in ("one", "two"))
    await asyncio.sleep(0)
    lanes.release()  # it is the turn of one
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    await asyncio.wait_for(two, 1)
    assert order == ["two"]
