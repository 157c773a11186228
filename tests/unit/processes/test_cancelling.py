from __future__ import annotations

import asyncio

import pytest

from sottovoce.processes.cancelling import cancelled, completed


async def lingering(gate: asyncio.Event) -> None:
    """Ends when the gate opens, some time after it is told to."""
    try:
        await asyncio.Event().wait()
    finally:
        await gate.wait()


async def failing() -> None:
    raise OSError("no")


async def test_tasks_have_ended_however_they_did() -> None:
    gate = asyncio.Event()
    gate.set()
    tasks = [asyncio.create_task(lingering(gate)), asyncio.create_task(failing())]
    await asyncio.sleep(0)
    await cancelled(*tasks)
    assert [task.cancelled() for task in tasks] == [True, False]


async def test_a_cancellation_while_others_end_is_not_lost() -> None:
    gate = asyncio.Event()
    inner = asyncio.create_task(lingering(gate))
    await asyncio.sleep(0)
    outer = asyncio.create_task(cancelled(inner))
    await asyncio.sleep(0)
    outer.cancel()
    gate.set()
    await asyncio.wait({outer, inner})
    assert outer.cancelled()
    assert inner.cancelled()


async def test_work_is_completed_although_it_is_cancelled_twice() -> None:
    gate, done = asyncio.Event(), list[str]()

    async def work() -> None:
        await gate.wait()
        done.append("all of it")

    outer = asyncio.create_task(completed(work()))
    for _ in range(2):
        await asyncio.sleep(0)
        outer.cancel()
    await asyncio.sleep(0)
    assert not outer.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert done == ["all of it"]


async def test_what_the_work_fails_with_is_raised() -> None:
    with pytest.raises(OSError, match="no"):
        await completed(failing())
