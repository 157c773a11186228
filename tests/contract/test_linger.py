"""Refused senders get to read why, and none of them holds its connection for ever, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from sottovoce.http import linger
from tests.serving import served

CHUNK = b"x" * 65_536
HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without a look at the body."""
    if scope["type"] == "http":
        await PlainTextResponse("too large", 413)(scope, receive, send)


async def cut(scope: Scope, receive: Receive, send: Send) -> None:
    """Begins an answer and ends without finishing it."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})


async def send_until_closed(url: str, size: int) -> tuple[bytes, int]:
    """What came back before the server closed, and how much was sent by then."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(HEAD)
    sent = 0
    try:
        while sent < size:
            writer.write(b"10000\r\n" + CHUNK + b"\r\n")
            await writer.drain()
            sent += len(CHUNK)
    except ConnectionError:
        pass
    came = b""
    try:
        while chunk := await reader.read(65_536):
            came += chunk
    except ConnectionError:
        pass
    writer.close()
    return came, sent


async def test_a_sender_that_never_looks_up_reads_its_refusal_at_the_end() -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield CHUNK

    async with served(refuse) as url, httpx.AsyncClient(trust_env=False) as client:
        reply = await client.post(url, content=body())
    assert (reply.status_code, reply.text) == (413, "too large")


@pytest.mark.parametrize("app", [refuse, cut])
async def test_one_that_sends_for_ever_is_cut_off(app: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linger, "LINGER_BYTES", 4 * len(CHUNK))
    async with served(app) as url:  # type: ignore[arg-type]
        async with asyncio.timeout(10):
            came, sent = await send_until_closed(url, 1 << 30)
    assert sent < 1 << 28
    assert came == b"" or came.startswith(b"HTTP/1.1 ")


async def test_one_that_stalls_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linger, "LINGER", 0.1)
    async with served(refuse) as url:
        async with asyncio.timeout(10):
            came, _ = await send_until_closed(url, len(CHUNK))
    assert came.startswith(b"HTTP/1.1 413")
    assert came.endswith(b"too large")
