"""Bodies are bounded while they stream: in bytes and in time, whatever Content-Length says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from starlette.requests import Request
from starlette.types import Message

from sottovoce.errors import InvalidRequestError, TooLargeError
from sottovoce.http import body
from sottovoce.http.body import read_body, stream_body


class Sender:
    """A client that sends chunk after chunk and counts what the server took."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.taken = 0

    async def receive(self) -> Message:
        chunk = next(self._chunks, None)
        self.taken += 1
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}


def request(sender: Sender) -> Request:
    headers = [(b"content-length", b"1")]  # a lie
    return Request({"type": "http", "method": "POST", "headers": headers}, sender.receive)


async def test_a_body_at_the_limit_is_read_whole() -> None:
    assert await read_body(request(Sender([b"ab", b"cd"])), 4) == b"abcd"


async def test_one_byte_more_is_refused_without_reading_on() -> None:
    sender = Sender([b"ab", b"cd", b"e", *[b"more"] * 100])
    with pytest.raises(TooLargeError, match="4 bytes"):
        await read_body(request(sender), 4)
    assert sender.taken == 3


async def test_a_stream_hands_on_what_came_before_the_limit() -> None:
    got: list[bytes] = []

    async def read(chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            got.append(chunk)  # noqa: PERF401  what came before the error counts

    with pytest.raises(TooLargeError):
        await read(stream_body(request(Sender([b"ab", b"cd", b"ef"])), 4))
    assert got == [b"ab", b"cd"]


async def test_a_sender_that_stalls_is_cut_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_DEADLINE", 0.01)

    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(InvalidRequestError, match="did not arrive"):
        await read_body(Request({"type": "http", "method": "POST", "headers": []}, never))
