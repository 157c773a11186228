"""How long the first of an answer is waited for; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from sottovoce.conversation.adapters.patience import PROGRESS_LIMIT, PROGRESS_SILENCE, Patience
from tests import virtual_time


async def answer(*waits: float) -> AsyncGenerator[int, None]:
    for number, wait in enumerate(waits):
        await asyncio.sleep(wait)
        yield number


async def waited_for(patience: Patience, *waits: float) -> list[int]:
    return [item async for item in patience.watch(answer(*waits))]


def test_only_the_first_is_waited_for() -> None:
    async def main() -> list[int]:
        return await waited_for(Patience(3.0), 2.9, 50.0)

    assert virtual_time.run(main()) == [0, 1]


def test_silence_ends_at_the_deadline() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            await waited_for(Patience(3.0), 3.1)
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == 3.0


async def noticing(patience: Patience, every: float, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(every)
        patience.notice()


def test_progress_moves_the_deadline() -> None:
    async def main() -> bool:
        patience = Patience(3.0)
        signs = asyncio.create_task(noticing(patience, 2.0, 20))
        assert await waited_for(patience, 45.0) == [0]
        await signs
        patience.notice()  # too late to matter
        return patience.has_noticed

    assert virtual_time.run(main())


def test_progress_that_stops_is_waited_for_a_little_longer() -> None:
    async def main() -> float:
        patience = Patience(3.0)
        signs = asyncio.create_task(noticing(patience, 2.0, 2))
        with pytest.raises(TimeoutError):
            await waited_for(patience, 100.0)
        await signs
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == 4.0 + PROGRESS_SILENCE


def test_progress_has_a_limit() -> None:
    async def main() -> float:
        patience = Patience(3.0)
        signs = asyncio.create_task(noticing(patience, 2.0, 500))
        with pytest.raises(TimeoutError):
            await waited_for(patience, 1000.0)
        signs.cancel()
        return asyncio.get_running_loop().time()

    assert virtual_time.run(main()) == PROGRESS_LIMIT


def test_an_empty_answer_is_one() -> None:
    async def main() -> list[int]:
        return await waited_for(Patience(3.0))

    assert virtual_time.run(main()) == []
