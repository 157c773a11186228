"""The server on a real loopback socket: ends when told, caps headers and messages, names a taken port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from sottovoce.errors import ConfigError
from sottovoce.http.server import MAX_HEADER_BYTES, ServerLimits, listen, serve


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_text():
        await websocket.send_text(message)


APP = Starlette(routes=[Route("/", hello), WebSocketRoute("/ws", echo)])


@asynccontextmanager
async def running(limits: ServerLimits | None = None) -> AsyncIterator[int]:
    """The port of a server that has ended when the context has."""
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    stop = asyncio.Event()

    async def until() -> None:
        await stop.wait()

    serving = asyncio.create_task(serve(APP, sock, until=until, limits=limits))
    try:
        yield port
    finally:
        stop.set()
        await serving


async def test_it_serves_until_it_is_told_to_stop() -> None:
    async with running() as port, httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hello"
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_an_endless_header_is_refused() -> None:
    async with running() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * (2 * MAX_HEADER_BYTES))
        reply = await reader.read(64)
        writer.close()
    assert not reply.startswith(b"HTTP/1.1 200")


async def test_a_message_over_the_cap_closes_its_websocket_with_1009() -> None:
    async with (
        running(ServerLimits(websocket_message_bytes=100)) as port,
        connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as websocket,
    ):
        await websocket.send("a" * 100)
        assert await websocket.recv() == "a" * 100
        await websocket.send("a" * 101)
        with pytest.raises(ConnectionClosedError) as closed:
            await websocket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_a_port_in_use_is_named_with_its_cure() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"{port}.*SOTTOVOCE_PORT"):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_cannot_be_bound() -> None:
    with pytest.raises(ConfigError, match=r"203\.0\.113\.1"):
        listen("203.0.113.1", 0)
