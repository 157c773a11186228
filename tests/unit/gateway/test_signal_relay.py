"""The relay between clients and a server that says and does what LiveKit's cannot be made to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from sottovoce.gateway import relayed_signal, signal_relay
from sottovoce.gateway.relayed_signal import MAX_SIGNAL_BYTES
from sottovoce.gateway.routes import livekit_signal
from sottovoce.gateway.signal_relay import SignalRelay
from sottovoce.http.errors import EXCEPTION_HANDLERS
from sottovoce.livekit.access import LiveKitAccess, LiveKitStatus
from tests.serving import served

TOKEN = "a-token-that-no-log-may-hold"
NOISE = random.Random(7).randbytes(64 << 10)
"""Nothing that a compressed connection makes short."""


async def echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


@dataclass
class Upstream:
    """`answer` is what becomes of the next connections."""

    url: str = ""
    answer: Callable[[ServerConnection], Awaitable[None]] = echo
    seen: list[Request] = field(default_factory=list)
    refusal: tuple[int, str] | None = None
    may_answer: asyncio.Event | None = None
    """What the next handshakes wait for."""
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Queue[int | None] = field(default_factory=asyncio.Queue)

    @property
    def access(self) -> LiveKitAccess:
        return LiveKitAccess(self.url, "key", "secret")

    def status(self) -> LiveKitStatus:
        return LiveKitStatus(is_ready=True)

    async def look(self, connection: ServerConnection, request: Request) -> Response | None:
        self.seen.append(request)
        self.is_asked.set()
        if self.may_answer is not None:
            await self.may_answer.wait()
        return None if self.refusal is None else connection.respond(*self.refusal)

    async def take(self, socket: ServerConnection) -> None:
        try:
            await self.answer(socket)
        finally:
            await socket.close()
            self.ended.put_nowait(socket.close_code)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    made = Upstream()
    async with serve(
        made.take, "127.0.0.1", 0, process_request=made.look, max_size=None, close_timeout=1
    ) as server:
        made.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made


@dataclass
class Relayed:
    url: str
    relay: SignalRelay

    @contextlib.asynccontextmanager
    async def dial(
        self, path: str = "/rtc", query: str = "", **options: Any
    ) -> AsyncIterator[ClientConnection]:
        options = {"max_size": None, "close_timeout": 1, **options}
        async with connect(f"{self.url}{path}{query}", proxy=None, **options) as socket:
            yield socket

    async def refusal(self, **options: Any) -> Response:
        with pytest.raises(InvalidStatus) as caught:
            async with self.dial(**options):
                pass
        return caught.value.response

    async def is_free(self) -> None:
        async with asyncio.timeout(5):
            await self.relay.slots.wait_until_free()


@contextlib.asynccontextmanager
async def relaying(upstream: Upstream, limit: int = 4) -> AsyncIterator[Relayed]:
    relay = SignalRelay(upstream, limit)
    app = Starlette(routes=livekit_signal.routes(relay), exception_handlers=EXCEPTION_HANDLERS)

    async def stop() -> None:
        relay.close()
        await relay.slots.wait_until_free()

    async with served(app, stop, websocket_message_bytes=8 << 20) as url:
        yield Relayed(url.replace("http", "ws"), relay)


@pytest.fixture
async def relayed(upstream: Upstream) -> AsyncIterator[Relayed]:
    async with relaying(upstream) as made:
        yield made


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(5):
            while True:
                await socket.recv()
    return socket.close_code, socket.close_reason


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
async def test_text_and_bytes_go_both_ways_as_they_are(
    relayed: Relayed, upstream: Upstream, path: str
) -> None:
    async with relayed.dial(path, "?access_token=t&join_request=a%2Bb%3D") as socket:
        for message in ("é", b"\0\xff", "", b"", "x" * MAX_SIGNAL_BYTES, bytes(MAX_SIGNAL_BYTES)):
            await socket.send(message)
            assert await socket.recv() == message
    assert upstream.seen[0].path == f"{path}?access_token=t&join_request=a%2Bb%3D"
    await relayed.is_free()


async def test_livekit_is_told_the_token_and_the_client_and_nothing_else(
    relayed: Relayed, upstream: Upstream
) -> None:
    given = {
        "authorization": f"Bearer {TOKEN}",
        "cookie": "sottovoce_page_1=secret",
        "origin": relayed.url.replace("ws", "http"),
        "x-forwarded-for": "203.0.113.7",
        "cf-connecting-ip": "203.0.113.7",
    }
    async with relayed.dial(additional_headers=given, user_agent_header="phone/1.0"):
        headers = upstream.seen[0].headers
    assert (headers["authorization"], headers["user-agent"]) == (f"Bearer {TOKEN}", "phone/1.0")
    assert not {"cookie", "origin", "x-forwarded-for", "cf-connecting-ip"} & {
        name.lower() for name in headers
    }


async def test_a_refusal_is_livekits_own(relayed: Relayed, upstream: Upstream) -> None:
    upstream.refusal = (401, "invalid token: expired")
    refused = await relayed.refusal(query=f"?access_token={TOKEN}")
    assert (refused.status_code, bytes(refused.body)) == (401, b"invalid token: expired")
    assert refused.headers["content-type"].startswith("text/plain")
    await relayed.is_free()


async def test_a_long_refusal_is_cut(relayed: Relayed, upstream: Upstream) -> None:
    upstream.refusal = (401, "x" * 100_000)
    assert len((await relayed.refusal()).body) == signal_relay.MAX_REFUSAL_BYTES


async def test_what_is_no_answer_of_livekits_is_503(relayed: Relayed, upstream: Upstream) -> None:
    upstream.refusal = (200, "hello")
    refused = await relayed.refusal()
    assert refused.status_code == 503
    upstream.url = "ws://127.0.0.1:9"
    gone = await relayed.refusal()
    assert gone.status_code == 503
    assert gone.headers["retry-after"] == "2"
    assert json.loads(gone.body)["error"]["code"] == "livekit_unavailable"
    await relayed.is_free()


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "bye"), (4001, "moved")])
async def test_the_servers_close_is_the_clients(
    relayed: Relayed, upstream: Upstream, code: int, reason: str
) -> None:
    async def close(socket: ServerConnection) -> None:
        await socket.send("last words")
        await socket.close(code, reason)

    upstream.answer = close
    async with relayed.dial() as socket:
        assert await socket.recv() == "last words"
        assert await closed(socket) == (code, reason)
    await relayed.is_free()


async def test_a_server_that_is_lost_is_1012(relayed: Relayed, upstream: Upstream) -> None:
    async def vanish(socket: ServerConnection) -> None:
        await socket.recv()
        socket.transport.abort()

    upstream.answer = vanish
    async with relayed.dial() as socket:
        await socket.send("x")
        assert await closed(socket) == (1012, "LiveKit was lost.")
    await relayed.is_free()


async def test_a_client_that_leaves_or_vanishes_ends_the_servers_side(
    relayed: Relayed, upstream: Upstream
) -> None:
    async with relayed.dial():
        pass
    async with relayed.dial() as socket:
        socket.transport.abort()
    async with asyncio.timeout(5):
        assert [await upstream.ended.get(), await upstream.ended.get()] == [1000, 1000]
    await relayed.is_free()


async def test_a_message_of_the_client_that_is_too_long_is_1009(relayed: Relayed, upstream: Upstream) -> None:
    async with relayed.dial() as neighbour, relayed.dial() as socket:
        await socket.send(bytes(MAX_SIGNAL_BYTES + 1))
        assert (await closed(socket))[0] == 1009
        await neighbour.send("still here")
        assert await neighbour.recv() == "still here"


async def test_a_message_of_the_server_that_is_too_long_ends_both(
    relayed: Relayed, upstream: Upstream
) -> None:
    async def flood(socket: ServerConnection) -> None:
        await socket.send(bytes(MAX_SIGNAL_BYTES + 1))

    upstream.answer = flood
    async with relayed.dial() as socket:
        assert (await closed(socket))[0] == 1009
    await relayed.is_free()


async def test_a_client_that_does_not_read_is_cut_and_holds_the_server_back_before(
    relayed: Relayed, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayed_signal, "READ_PATIENCE", 0.2)
    sent = 0

    async def flood(socket: ServerConnection) -> None:
        nonlocal sent
        for _ in range(10_000):
            await socket.send(NOISE)
            sent += 1

    upstream.answer = flood
    async with relayed.dial(max_queue=1) as socket, relayed.dial(max_queue=1):
        await asyncio.wait_for(upstream.ended.get(), 5)
        await asyncio.wait_for(upstream.ended.get(), 5)
        await relayed.is_free()
        assert sent < 1000  # of each some sockets and a few frames full, not 600 MB
        assert (await closed(socket))[0] in (1013, 1006)


async def test_a_server_that_does_not_read_holds_the_client_back_and_then_ends_it(
    relayed: Relayed, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayed_signal, "READ_PATIENCE", 0.2)
    is_over = asyncio.Event()

    async def deaf(socket: ServerConnection) -> None:
        await is_over.wait()

    upstream.answer = deaf
    async with relayed.dial() as socket:
        sent = 0
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send(NOISE)
                sent += 1
        assert sent < 2000
        assert (socket.close_code, socket.close_reason) == (1012, "LiveKit does not answer.")
    await relayed.is_free()
    is_over.set()


async def test_so_many_and_no_more(upstream: Upstream) -> None:
    async with relaying(upstream, limit=2) as relayed:
        async with relayed.dial(), relayed.dial():
            refused = await relayed.refusal()
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0
            assert "connections to rooms" in json.loads(refused.body)["error"]["message"]
            assert len(upstream.seen) == 2
        await relayed.is_free()
        async with relayed.dial() as socket:
            await socket.send("x")
            assert await socket.recv() == "x"


async def test_all_end_with_the_server(relayed: Relayed, upstream: Upstream) -> None:
    async with relayed.dial() as first, relayed.dial() as second:
        relayed.relay.close()
        assert await closed(first) == await closed(second) == (1001, "The server is shutting down.")
        await relayed.is_free()
        refused = await relayed.refusal()
        assert (refused.status_code, len(upstream.seen)) == (503, 2)


async def test_who_is_just_being_let_in_is_told_of_the_end_too(relayed: Relayed, upstream: Upstream) -> None:
    upstream.may_answer = asyncio.Event()

    async def dial() -> tuple[int | None, str | None]:
        async with relayed.dial() as socket:
            return await closed(socket)

    dialling = asyncio.create_task(dial())
    await asyncio.wait_for(upstream.is_asked.wait(), 5)
    relayed.relay.close()
    upstream.may_answer.set()
    assert await dialling == (1001, "The server is shutting down.")
    await relayed.is_free()


async def test_no_log_holds_a_token(
    relayed: Relayed, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with relayed.dial(query=f"?access_token={TOKEN}", logger=logging.getLogger("client")) as socket:
        await socket.send("x")
        await socket.recv()
    upstream.refusal = (401, f"invalid token: {TOKEN}")
    await relayed.refusal(query=f"?access_token={TOKEN}", logger=logging.getLogger("client"))
    upstream.url = "ws://127.0.0.1:9"
    await relayed.refusal(query=f"?access_token={TOKEN}", logger=logging.getLogger("client"))
    await relayed.is_free()
    ours = [
        record for record in caplog.records if record.name.startswith(("sottovoce", "hypercorn", "aiohttp"))
    ]
    assert ours
    assert not [record for record in ours if TOKEN in record.getMessage()]
