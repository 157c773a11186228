"""A llama.cpp that is not there for a moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from sottovoce.errors import EngineCrashed
from sottovoce.services.llama import client as rooms
from sottovoce.services.llama.client import LlamaClient


async def health(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def chat(request: web.Request) -> web.Response:
    event = json.dumps({"said": (await request.json())["say"]})
    return web.Response(text=f"data: {event}\n\ndata: [DONE]\n\n", content_type="text/event-stream")


@pytest.fixture
async def client() -> AsyncIterator[LlamaClient]:
    client = LlamaClient("a key")
    yield client
    await client.aclose()


async def said(client: LlamaClient) -> list[object]:
    return [event async for event in client.chat({"say": "hello"})]


async def test_a_request_waits_for_a_server_that_comes_back(
    client: LlamaClient, unused_tcp_port: int
) -> None:
    client.address = f"http://127.0.0.1:{unused_tcp_port}"
    asking = asyncio.create_task(said(client))
    assert not await client.is_well(1)
    assert not asking.done()
    app = web.Application()
    app.add_routes([web.get("/health", health), web.post("/v1/chat/completions", chat)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    try:
        assert await asking == [{"said": "hello"}]
    finally:
        await runner.cleanup()


async def test_one_that_stays_away_is_told(
    client: LlamaClient, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "LOAD_PATIENCE", 0.05)
    client.address = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(EngineCrashed):
        await said(client)
