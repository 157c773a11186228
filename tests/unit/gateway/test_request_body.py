"""A body is bounded in bytes and time, in virtual time; its sender's leaving is news."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from starlette.types import Message

from sottovoce.errors import InvalidRequestError, TooLargeError
from sottovoce.gateway.request_body import AHEAD_BYTES, MIN_BYTES_PER_SECOND, ClientGoneError, RequestBody
from tests.virtual_time import run

GRACE = 10.0
LEFT: Message = {"type": "http.disconnect"}


class Sender:
    """Sends one message after each pause, and leaves where it is told to."""

    def __init__(self, messages: Iterable[tuple[float, Message]]) -> None:
        self._messages = iter(messages)

    async def receive(self) -> Message:
        pause, message = next(self._messages)
        await asyncio.sleep(pause)
        return message


def piece(size: int, *, is_last: bool = False) -> Message:
    return {"type": "http.request", "body": b"x" * size, "more_body": not is_last}


def body_of(*messages: tuple[float, Message], limit_bytes: int = 1 << 30) -> RequestBody:
    return RequestBody(Sender(messages).receive, limit_bytes, GRACE)


def test_a_slow_link_that_keeps_up_is_waited_for() -> None:
    steady = [(1.0, piece(MIN_BYTES_PER_SECOND))] * 100
    content = run(body_of(*steady, (1.0, piece(1, is_last=True))).read())
    assert len(content) == 100 * MIN_BYTES_PER_SECOND + 1


@pytest.mark.parametrize("pause", [1.0, 5.0, 1000.0])
def test_a_sender_that_drips_is_cut(pause: float) -> None:
    async def main() -> float:
        body = body_of(*[(pause, piece(1))] * 1000)
        with pytest.raises(InvalidRequestError, match="did not arrive in time"):
            await body.read()
        assert isinstance(body.fault, InvalidRequestError)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(GRACE, rel=0.1)


def test_time_that_an_engine_takes_is_not_the_sender_s() -> None:
    async def main() -> int:
        body, size = body_of(*[(0.0, piece(1))] * 50, (0.0, piece(1, is_last=True))), 0
        async for chunk in body.chunks():
            await asyncio.sleep(60)
            size += len(chunk)
        return size

    assert run(main()) == 51


def test_a_body_that_is_too_large_is_cut_at_the_limit() -> None:
    body = body_of((0, piece(60)), (0, piece(60)), (0, piece(60)), limit_bytes=100)
    with pytest.raises(TooLargeError, match="100 bytes"):
        run(body.read())
    assert isinstance(body.fault, TooLargeError)


@pytest.mark.parametrize("announced", [None, "0", "100"])
def test_a_length_that_fits_is_let_in(announced: str | None) -> None:
    body_of(limit_bytes=100).refuse_announced(announced)


def test_an_announced_length_is_believed_when_it_is_too_much() -> None:
    with pytest.raises(TooLargeError):
        body_of(limit_bytes=100).refuse_announced("101")


def test_a_limit_that_is_a_setting_is_named() -> None:
    body = RequestBody(Sender([]).receive, 100, GRACE, "SOTTOVOCE_MAX_UPLOAD_BYTES")
    with pytest.raises(TooLargeError, match=r"100 bytes \(SOTTOVOCE_MAX_UPLOAD_BYTES\)"):
        body.refuse_announced("101")


def test_a_client_that_leaves_in_the_middle_ends_the_reading() -> None:
    async def main() -> None:
        body = body_of((0, piece(5)), (1, LEFT))
        with pytest.raises(ClientGoneError):
            await body.read()
        assert isinstance(body.fault, ClientGoneError)
        await body.disconnected()  # at once: it has left already

    run(main())


def test_a_client_that_leaves_later_is_noticed() -> None:
    async def main() -> float:
        body = body_of((0, piece(5, is_last=True)), (7, LEFT))
        leaving = asyncio.create_task(body.disconnected())
        assert await body.read() == b"x" * 5
        await leaving
        return asyncio.get_running_loop().time()

    assert run(main()) == 7


def test_what_was_read_ahead_comes_first() -> None:
    async def main() -> int:
        messages: asyncio.Queue[Message] = asyncio.Queue()
        body = RequestBody(messages.get, 1 << 30, GRACE)
        messages.put_nowait(piece(1))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(GRACE):
                await body.read_ahead()
        assert not body.is_gone
        messages.put_nowait(piece(2, is_last=True))
        return len(await body.read())

    assert run(main()) == 3


def test_a_sender_that_leaves_while_it_waits_is_noticed() -> None:
    body = body_of((1.0, piece(1, is_last=True)), (1.0, LEFT))
    run(body.read_ahead())
    assert body.is_gone


def test_no_more_is_kept_ahead_than_the_limit() -> None:
    async def main() -> int:
        messages: asyncio.Queue[Message] = asyncio.Queue()
        for _ in range(5):
            messages.put_nowait(piece(AHEAD_BYTES // 2))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(GRACE):
                await RequestBody(messages.get, 1 << 30, GRACE).read_ahead()
        return messages.qsize()

    assert run(main()) == 3
