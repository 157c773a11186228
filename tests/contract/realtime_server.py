"""The WebSocket shell alone, under Hypercorn on a loopback port, and how tests talk with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from sottovoce.realtime.opening import SessionFactory
from sottovoce.realtime.protocol import MAX_MESSAGE_BYTES
from sottovoce.realtime.websocket import RealtimeWebSocket
from tests.serving import served


@asynccontextmanager
async def realtime(factory: SessionFactory) -> AsyncIterator[str]:
    """The base URL, ending in `/v1`, of a server whose sessions `factory` makes."""
    app = Starlette(routes=[WebSocketRoute("/v1/realtime", RealtimeWebSocket(factory))])
    async with served(app, websocket_message_bytes=MAX_MESSAGE_BYTES) as url:
        yield f"{url}/v1"


@asynccontextmanager
async def connected(base_url: str) -> AsyncIterator[AsyncRealtimeConnection]:
    """openai-python's connection, its `session.created` read."""
    async with (
        AsyncOpenAI(base_url=base_url, api_key="any") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        created = await connection.recv()
        assert created.type == "session.created"
        assert created.session.model == "gpt-realtime"
        yield connection


async def read_until(connection: AsyncRealtimeConnection, type_: str) -> list[Any]:
    """Every event up to the first of that type; an `error` among them fails the test."""
    events: list[Any] = []
    while not events or events[-1].type != type_:
        events.append(await connection.recv())
        assert events[-1].type != "error", events[-1]
    return events


def of(events: list[Any], type_: str) -> list[Any]:
    return [event for event in events if event.type == type_]
