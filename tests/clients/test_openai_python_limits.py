"""openai-python against a small server, over TLS: what is too much, and how it tries again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from tests.clients.caller import Caller
from tests.clients.servers import SESSIONS, Secured


@pytest.fixture
def trust(secured: Secured) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(secured.certificate))


@pytest.fixture
async def client(secured: Secured, trust: ssl.SSLContext) -> AsyncIterator[AsyncOpenAI]:
    async with (
        DefaultAsyncHttpxClient(verify=trust, trust_env=False) as http,
        AsyncOpenAI(base_url=secured.live.base_url, api_key=secured.live.key, http_client=http) as client,
    ):
        yield client


async def test_a_certificate_nobody_trusts_is_refused(secured: Secured) -> None:
    async with AsyncOpenAI(base_url=secured.live.base_url, api_key=secured.live.key, max_retries=0) as client:
        with pytest.raises(openai.APIConnectionError):
            await client.models.list()


async def test_a_file_that_is_too_large_is_refused_by_its_own_status(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await client.audio.transcriptions.create(model="whisper-1", file=("large.wav", bytes(2 << 20)))
    assert caught.value.status_code == 413
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["type"] == "invalid_request_error"


async def test_it_tries_again_when_the_server_says_so(client: AsyncOpenAI, trust: ssl.SSLContext) -> None:
    """Sessions fill the server; a call is refused, asked to wait, and taken when one has ended."""
    loop = asyncio.get_running_loop()
    tried: list[tuple[float, int, str | None]] = []
    caller = Caller()
    async with AsyncExitStack() as sessions:
        options: Any = {"ssl": trust}
        for _ in range(SESSIONS):
            connecting = client.realtime.connect(model="gpt-realtime", websocket_connection_options=options)
            await sessions.enter_async_context(connecting)

        async def note(response: Any) -> None:
            tried.append((loop.time(), response.status_code, response.headers.get("retry-after")))
            await sessions.aclose()

        client._client.event_hooks = {"request": [], "response": [note]}
        try:
            answer = await client.realtime.calls.create(
                sdp=await caller.offer(), session={"type": "realtime"}
            )
        finally:
            await caller.peer.close()
    (first, refused, wait), (second, taken, _) = tried
    assert (refused, taken) == (503, 201)
    assert wait is not None
    assert second - first >= float(wait)
    await client.realtime.calls.hangup(answer.response.headers["location"].rsplit("/", 1)[-1])
