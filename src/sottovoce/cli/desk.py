"""The models' desk of a running server, asked over its API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ValidationError

from sottovoce.cli.engines import check, waiting_told
from sottovoce.cli.running import RunningServer
from sottovoce.config import EngineKind
from sottovoce.errors import EngineUnavailable

ASKED_EVERY = 0.3
"""Seconds between two looks at how a load comes on."""

ANSWER_TIMEOUT = 600.0
"""Seconds: a large model on a slow disk loads for minutes, and the answer may come after."""


class _Engine(BaseModel):
    model: str
    state: str
    progress: float | None = None
    reason: str | None = None
    preferred: _Engine | None = None


class _Status(BaseModel):
    engines: dict[EngineKind, _Engine]


@dataclass(slots=True)
class _News:
    """What is shown while a model loads."""

    text: str


async def use_running(server: RunningServer, kind: EngineKind, reference: str, model: str) -> None:
    """Have the server use `reference` from its next turn on; returns when it does, and shows how it loads.

    Raises `InvalidRequestError` and `EngineError` with the server's reason; it goes on with what it had then.
    """
    news = _News(f"{model} is about to load")
    async with _client(server) as client:
        with waiting_told(lambda: news.text):
            reply = await client.post("models/use", json={"kind": kind, "model": reference})
            await check(reply, kind)
            while True:
                if await _is_there(client, kind, model, news):
                    return
                await asyncio.sleep(ASKED_EVERY)


async def remove_running(server: RunningServer, id_: str, kind: EngineKind | None) -> None:
    """Have the server delete a model, and end its engine first. Raises as `use_running` does."""
    async with _client(server) as client:
        await check(await client.delete(f"models/{id_}"), kind or "stt")


async def _is_there(client: httpx.AsyncClient, kind: EngineKind, model: str, news: _News) -> bool:
    """Whether `model` is what the server uses now. Raises `EngineError` where it failed."""
    engine = await _status(client, kind)
    coming = engine.preferred if engine.preferred is not None else engine
    if coming.model != model or coming.state == "failed":
        reason = coming.reason or f"{coming.model} is used instead"
        raise EngineUnavailable(f"{model} cannot be used: {reason}", engine=kind)
    share = f" {coming.progress:.0%}" if coming.progress is not None else ""
    news.text = f"{model} {coming.state}{share}; {engine.model} answers meanwhile"
    return engine.preferred is None and engine.state == "ready"


async def _status(client: httpx.AsyncClient, kind: EngineKind) -> _Engine:
    reply = await client.get("status")
    await check(reply, kind)
    try:
        return _Status.model_validate_json(reply.content).engines[kind]
    except (ValidationError, KeyError) as error:
        raise EngineUnavailable("The server does not tell how its engines fare.", engine=kind) from error


def _client(server: RunningServer) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"{server.url}/api/",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=ANSWER_TIMEOUT,
        trust_env=False,
        verify=server.tls or True,
    )
