"""The models' desk of a running server, asked over its API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ValidationError

from sottovoce.cli.engines import check, waiting_told
from sottovoce.cli.running import RunningServer
from sottovoce.config import EngineKind
from sottovoce.errors import EngineUnavailable

ASKED_EVERY = 0.3
"""Seconds between two looks at how a load comes on."""

ANSWER_TIMEOUT = 60.0
"""Seconds: the server answers as soon as a load has begun, or a model's files are deleted."""


class _Model(BaseModel):
    id: str
    state: str
    progress: float | None = None
    reason: str | None = None


class _Models(BaseModel):
    models: list[_Model]


class _Deleted(BaseModel):
    freed_bytes: int


@dataclass(slots=True)
class _News:
    """What is shown while a model loads."""

    text: str


async def use_running(server: RunningServer, kind: EngineKind, reference: str, model: str) -> None:
    """Have the server use `reference` from its next turn on; returns when it does, and shows how it loads.

    Raises `InvalidRequestError` and `EngineError` with the server's reason; it goes on with what it had then.
    """
    news = _News(f"{model} is about to load")
    async with _asked(server, kind) as client:
        with waiting_told(lambda: news.text):
            await check(await client.post("models/use", json={"kind": kind, "model": reference}), kind)
            while True:
                if await _is_ready(client, kind, model, news):
                    return
                await asyncio.sleep(ASKED_EVERY)


async def remove_running(server: RunningServer, id_: str, kind: EngineKind, *, is_forced: bool) -> int:
    """Have the server delete a model, whose engine ends first; the bytes that this frees.

    Raises as `use_running` does.
    """
    async with _asked(server, kind) as client:
        reply = await client.delete(f"models/{id_}", params={"force": str(is_forced).lower()})
        await check(reply, kind)
        try:
            return _Deleted.model_validate_json(reply.content).freed_bytes
        except ValidationError as error:
            raise _unreadable(kind) from error


async def _is_ready(client: httpx.AsyncClient, kind: EngineKind, model: str, news: _News) -> bool:
    """Whether the server has loaded `model`. Raises `EngineError` where it could not."""
    reply = await client.get("models")
    await check(reply, kind)
    try:
        states = {each.id: each for each in _Models.model_validate_json(reply.content).models}
        state = states[model]
    except (ValidationError, KeyError) as error:
        raise _unreadable(kind) from error
    if state.state not in ("loading", "warming", "ready"):
        reason = state.reason or f"it is {state.state}"
        raise EngineUnavailable(f"{model} is not used: {reason}", engine=kind)
    share = f" {state.progress:.0%}" if state.progress is not None else ""
    news.text = f"{model} {state.state}{share}"
    return state.state == "ready"


def _unreadable(kind: EngineKind) -> EngineUnavailable:
    return EngineUnavailable("The server answers in a form that is not known here.", engine=kind)


@asynccontextmanager
async def _asked(server: RunningServer, kind: EngineKind) -> AsyncIterator[httpx.AsyncClient]:
    """Raises `EngineUnavailable` where the server goes meanwhile."""
    async with client_of(server) as client:
        try:
            yield client
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise EngineUnavailable(f"The server does not answer any more: {why}", engine=kind) from error


def client_of(server: RunningServer) -> httpx.AsyncClient:
    """For paths below `/api/`, with the server's key."""
    return httpx.AsyncClient(
        base_url=f"{server.url}/api/",
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=ANSWER_TIMEOUT,
        trust_env=False,
        verify=server.tls or True,
    )
