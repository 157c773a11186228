"""A client that stops reading is let go of; one that reads slowly is not."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from sottovoce.gateway.stalling import StallingSend
from tests.virtual_time import run

PIECE: Message = {"type": "http.response.body", "body": b"x", "more_body": True}


def test_a_client_that_stops_reading_is_let_go_of() -> None:
    async def stall(message: Message) -> None:
        await asyncio.Event().wait()

    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with StallingSend(stall, 60.0) as send:
                await send(PIECE)
        return asyncio.get_running_loop().time()

    assert 60.0 <= run(main()) <= 120.0


def test_a_client_that_reads_slowly_is_waited_for() -> None:
    taken = 0

    async def drip(message: Message) -> None:
        nonlocal taken
        await asyncio.sleep(50)
        taken += 1

    async def main() -> None:
        async with StallingSend(drip, 60.0) as send:
            for _ in range(20):
                await send(PIECE)

    run(main())
    assert taken == 20


def test_an_engine_that_is_silent_is_not_the_client_s_fault() -> None:
    async def take(message: Message) -> None:
        pass

    async def main() -> None:
        async with StallingSend(take, 60.0) as send:
            await send(PIECE)
            await asyncio.sleep(1000)
            await send(PIECE)

    run(main())


def test_what_goes_wrong_inside_comes_out() -> None:
    async def fail(message: Message) -> None:
        raise ConnectionResetError

    async def main() -> None:
        with pytest.raises(ConnectionResetError):
            async with StallingSend(fail, 60.0) as send:
                await send(PIECE)
        await asyncio.sleep(1000)  # no timer is left behind that would end this

    run(main())
