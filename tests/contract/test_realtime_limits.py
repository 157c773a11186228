"""Clients that misbehave, over real sockets: closed with the right code, at nobody else's cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sottovoce.errors import EngineUnavailable
from sottovoce.realtime import outbox
from sottovoce.realtime.patience import MAX_BAD_MESSAGES
from sottovoce.realtime.protocol import MAX_MESSAGE_BYTES
from tests.contract.realtime_server import realtime
from tests.fake_session import TalkingSession


class Sessions:
    def __init__(self) -> None:
        self.made: list[TalkingSession] = []
        self.start_error: EngineUnavailable | None = None

    def __call__(self, options: Any) -> TalkingSession:
        session = TalkingSession(options)
        session.start_error = self.start_error
        self.made.append(session)
        return session

    async def all_closed(self) -> None:
        async with asyncio.timeout(5):
            for session in self.made:
                await session.closed.wait()


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
async def url(sessions: Sessions) -> AsyncIterator[str]:
    async with realtime(sessions) as base_url:
        yield base_url.replace("http", "ws") + "/realtime"


@asynccontextmanager
async def dial(url: str, **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(url, proxy=None, **options) as socket:
        assert json.loads(await socket.recv())["type"] == "session.created"
        yield socket


async def drained(socket: ClientConnection) -> int:
    """Read to the end; the code that the server closed with."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.recv()
    assert socket.close_code is not None
    return socket.close_code


async def still_works(socket: ClientConnection) -> None:
    await socket.send('{"type": "input_audio_buffer.clear"}')
    assert json.loads(await socket.recv())["type"] == "input_audio_buffer.cleared"


async def test_a_message_over_the_limit_is_closed_with_1009(url: str, sessions: Sessions) -> None:
    async with dial(url) as neighbour, dial(url) as socket:
        await socket.send("x" * (MAX_MESSAGE_BYTES + 1))
        assert await drained(socket) == 1009
        await still_works(neighbour)
    await sessions.all_closed()


def append(pcm: bytes) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": b64encode(pcm).decode()})


async def test_an_append_of_the_largest_size_is_read_and_its_neighbours_in_their_order(
    url: str, sessions: Sessions
) -> None:
    large = bytes(range(256)) * (15 << 12)
    async with dial(url) as socket:
        for pcm in (b"\1\2", large, b"\3\4"):
            await socket.send(append(pcm))
        await socket.send('{"type": "conversation.item.retrieve", "item_id": "x"}')
        assert json.loads(await socket.recv())["error"]["code"] == "item_retrieve_invalid_item_id"
        assert sessions.made[0].heard == b"\1\2" + large + b"\3\4"


async def test_nonsense_is_answered_and_in_the_end_closed_with_1008(url: str, sessions: Sessions) -> None:
    async with dial(url) as neighbour, dial(url) as socket:
        for _ in range(MAX_BAD_MESSAGES):
            await socket.send("nonsense")
        for _ in range(MAX_BAD_MESSAGES):
            assert json.loads(await socket.recv())["error"]["code"] == "invalid_json"
        assert await drained(socket) == 1008
        await still_works(neighbour)
    await sessions.all_closed()


async def test_a_client_that_stops_reading_is_closed_with_1013(
    url: str, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox.Outbox.__init__, "__defaults__", (200_000,))
    async with dial(url) as neighbour, dial(url, max_queue=1) as socket:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x" * 30_000}]}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item | {"id": "big"}}))
        asking = json.dumps({"type": "conversation.item.retrieve", "item_id": "big"})
        for _ in range(1000):  # 30 MB of answers: more than the sockets and the outbox hold
            await socket.send(asking)
        async with asyncio.timeout(5):
            await sessions.made[1].closed.wait()
        await still_works(neighbour)
        assert await drained(socket) == 1013
    await sessions.all_closed()


async def test_a_client_that_vanishes_frees_its_session(url: str, sessions: Sessions) -> None:
    async with dial(url) as socket:
        await socket.send('{"type": "response.create"}')
        socket.transport.abort()
        await sessions.all_closed()


async def test_an_engine_that_is_not_there_is_an_http_error(url: str, sessions: Sessions) -> None:
    sessions.start_error = EngineUnavailable("The llm engine is loading.", engine="llm")
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, proxy=None):
            pass
    response = caught.value.response
    assert response.status_code == 503
    assert json.loads(response.body)["error"]["code"] == "engine_unavailable"
