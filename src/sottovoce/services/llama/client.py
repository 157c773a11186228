"""Requests to llama.cpp's server, and what can go wrong with them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from sottovoce.errors import EngineCrashed
from sottovoce.services.health import LOAD_PATIENCE

SILENCE = 10.0
"""Seconds without a byte, pings included, after which a connection counts as dead."""
CONNECT_DEADLINE = 5.0
RETURN_INTERVAL = 0.1
"""Seconds between two looks whether a server that was lost is there again."""
MAX_LINE_BYTES = 1 << 20
"""Of one event; with the probabilities of twenty tokens it has some kilobytes."""
_DATA = b"data: "
_END = b"[DONE]"


class LlamaError(Exception):
    """llama.cpp refused a request, or failed at it; `body` is the inside of its error."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("message") or f"it answered {status}"))
        self.status = status
        self.body = body

    @property
    def kind(self) -> str:
        return str(self.body.get("type"))


class LlamaClient:
    """Connections are closed after each request: one that is kept holds a thread of llama.cpp's."""

    def __init__(self, key: str) -> None:
        self.address = ""
        """Changes with each life of the server."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            headers={"Authorization": f"Bearer {key}"},
            timeout=aiohttp.ClientTimeout(None, sock_read=SILENCE, sock_connect=CONNECT_DEADLINE),
            read_bufsize=MAX_LINE_BYTES,
            trust_env=False,
        )

    async def aclose(self) -> None:
        await self._session.close()

    async def is_well(self, within: float) -> bool:
        """Whether it answers, and has loaded its model."""
        try:
            timeout = aiohttp.ClientTimeout(within)
            async with self._session.get(f"{self.address}/health", timeout=timeout) as reply:
                return reply.status == 200
        except (aiohttp.ClientError, OSError):
            return False

    async def get(self, path: str) -> Any:
        """Raises `EngineCrashed` and `LlamaError`."""
        return await self._call("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Raises `EngineCrashed` and `LlamaError`."""
        return await self._call("POST", path, body)

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            async with self._session.request(method, self.address + path, json=body) as reply:
                await _check(reply)
                return await reply.json()
        except (aiohttp.ClientError, OSError) as error:
            raise _crashed(error) from error

    async def chat(self, body: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any] | None, None]:
        """The events of a streamed completion, and None for each sign of life between them.

        The connection is closed the moment the generator is, by which llama.cpp knows that it can stop. A
        server that has just died, which its keeper may not have seen yet, is waited for.
        Raises `EngineCrashed`, and `LlamaError` also in the middle.
        """
        try:
            async with await self._begun(body) as reply:
                try:
                    await _check(reply)
                    async for line in reply.content:
                        if line.startswith(b":"):
                            yield None
                        elif line.startswith(_DATA):
                            if (data := line[len(_DATA) :].strip()) == _END:
                                return
                            yield _event(data)
                finally:
                    reply.close()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _crashed(error) from error
        raise _crashed(None)

    async def _begun(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        try:
            return await self._ask(body)
        except aiohttp.ClientConnectorError:  # nothing was sent
            if not await self._comes_back():
                raise
            return await self._ask(body)

    async def _ask(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        return await self._session.post(f"{self.address}/v1/chat/completions", json=body)

    async def _comes_back(self) -> bool:
        """Whether it answers again before long, at the address of its next life."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOAD_PATIENCE):
                while not await self.is_well(CONNECT_DEADLINE):  # noqa: ASYNC110  another process's state
                    await asyncio.sleep(RETURN_INTERVAL)
                return True
        return False


async def _check(reply: aiohttp.ClientResponse) -> None:
    if reply.status < 300:
        return
    try:
        body = json.loads(await reply.read())["error"]
    except (ValueError, KeyError, TypeError):
        body = {}
    raise LlamaError(reply.status, body if isinstance(body, dict) else {"message": str(body)})


def _event(data: bytes) -> dict[str, Any]:
    event = json.loads(data)
    if not isinstance(event, dict):
        raise ValueError("an event that is no object")
    if isinstance(fault := event.get("error"), dict):
        raise LlamaError(int(fault.get("code") or 500), fault)
    return event


def _crashed(error: Exception | None) -> EngineCrashed:
    how = type(error).__name__ if error is not None else "it ended without finishing"
    return EngineCrashed(f"The language engine broke off in the middle of its work ({how}).", engine="llm")
