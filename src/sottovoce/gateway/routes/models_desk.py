"""`/api/models`: what models there are and how each fares; fetching, choosing and removing them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sottovoce.config import EngineKind
from sottovoce.errors import ConfigError, InvalidRequestError
from sottovoce.gateway.auth import PRINCIPAL
from sottovoce.gateway.limits import GatewayLimits, Slot, Slots
from sottovoce.gateway.model_views import machine_view, model_view, offer_view
from sottovoce.gateway.principal import Principal
from sottovoce.http.body import read_json
from sottovoce.http.heartbeats import with_heartbeats
from sottovoce.models.desk import ModelDesk
from sottovoce.models.desk_state import ModelState
from sottovoce.models.entry import ID
from sottovoce.models.resolve import EMBEDDED_REFERENCE

BODY_BYTES = 16 << 10
"""Memory from one request; a dozen names fit many times over."""
MAX_IDS = 20
"""Downloads that one request may begin."""
MAX_REFERENCE_CHARACTERS = 4096
"""A path's length on most systems."""

Endpoint = Callable[[Request], Awaitable[Response]]
Id = Annotated[str, Field(max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PullRequest(_Body):
    """The body of `POST /api/models/pull`: one model or several, and whether to use each when it is there."""

    id: Id | None = None
    ids: Annotated[tuple[Id, ...], Field(min_length=1, max_length=MAX_IDS)] | None = None
    use: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> PullRequest:
        if (self.id is None) == (self.ids is None):
            raise ValueError("give either 'id' or 'ids'")
        return self


class CancelRequest(_Body):
    """The body of `POST /api/models/cancel`."""

    id: Id


class UseRequest(_Body):
    """The body of `POST /api/models/use`: a model's id, "embedded", or from programs a path of the server."""

    kind: EngineKind
    model: Annotated[str, Field(min_length=1, max_length=MAX_REFERENCE_CHARACTERS)]


def routes(desk: ModelDesk, limits: GatewayLimits) -> list[Route]:
    listeners = Slots(limits.model_listeners, "listeners to its models")

    async def every(request: Request) -> Response:
        await desk.refresh()
        return JSONResponse(_listed(desk, request))

    async def offer(request: Request) -> Response:
        return JSONResponse({**offer_view(await desk.offer()), "may_change": _may_change(request)})

    async def pull(request: Request) -> Response:
        asked = await read_json(request, PullRequest, BODY_BYTES)
        await desk.refresh()
        if asked.ids is not None:
            await desk.pull_set(asked.ids, use=asked.use)
        elif asked.id is not None:
            await desk.pull(asked.id, use=asked.use)
        return JSONResponse(_listed(desk, request), 202)

    async def cancel(request: Request) -> Response:
        await desk.cancel((await read_json(request, CancelRequest, BODY_BYTES)).id)
        return JSONResponse(_listed(desk, request))

    async def use(request: Request) -> Response:
        asked = await read_json(request, UseRequest, BODY_BYTES)
        await desk.refresh()
        _check_reference(request, desk, asked.model)
        try:
            await desk.begin_use(asked.kind, asked.model)
        except ConfigError as error:  # whoever asks is wrong, not the server's settings
            raise InvalidRequestError(error.message, param=error.param, code="invalid_value") from error
        return JSONResponse(_listed(desk, request), 202)

    async def remove(request: Request) -> Response:
        name, is_forced = request.path_params["id"], _flag(request, "force")
        freed = await desk.remove(name, is_forced=is_forced)
        return JSONResponse({"object": "model.deleted", "id": name, "deleted": True, "freed_bytes": freed})

    async def events(request: Request) -> Response:
        place = listeners.take()
        return _Events(_news(desk, limits.model_news_interval), place)

    return [
        Route("/models", every),
        Route("/models/offer", offer),
        Route("/models/events", events),
        Route("/models/pull", _for_owners(pull), methods=["POST"]),
        Route("/models/cancel", _for_owners(cancel), methods=["POST"]),
        Route("/models/use", _for_owners(use), methods=["POST"]),
        Route("/models/{id}", _for_owners(remove), methods=["DELETE"]),
    ]


class _Events(StreamingResponse):
    """Server-sent events; gives its place back however it ends."""

    def __init__(self, news: AsyncGenerator[str], place: Slot) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        self._events, self._place = _living(news), place
        super().__init__(self._events, media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self._events.aclose()


async def _living(news: AsyncGenerator[str]) -> AsyncGenerator[str]:
    """With a comment now and then while there is no news."""
    async with aclosing(with_heartbeats(news)) as events:
        async for event in events:
            yield ": still here\n\n" if event is None else event


async def _news(desk: ModelDesk, interval: float) -> AsyncGenerator[str]:
    """All models at first, later those that changed; all again when there are others."""
    known: dict[str, ModelState] = {}
    async with aclosing(desk.changes()) as changes:
        async for states in changes:
            now = {state.entry.id: state for state in states}
            is_full = now.keys() != known.keys()
            changed = [state for state in states if is_full or known[state.entry.id] != state]
            known = now
            if changed:
                body = {"models": [model_view(state) for state in changed], "is_full": is_full}
                yield f"event: models\ndata: {json.dumps(body)}\n\n"
                await asyncio.sleep(interval)


def _listed(desk: ModelDesk, request: Request) -> dict[str, object]:
    return {
        "models": [model_view(state) for state in desk.states()],
        "machine": machine_view(),
        "is_offline": desk.hub.is_offline,
        "may_change": _may_change(request),
    }


def _for_owners(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        _principal(request).check_may_look_after()
        return await endpoint(request)

    return guarded


def _principal(request: Request) -> Principal:
    principal = request.scope[PRINCIPAL]
    assert isinstance(principal, Principal)
    return principal


def _may_change(request: Request) -> bool:
    return _principal(request).may_look_after


def _check_reference(request: Request, desk: ModelDesk, reference: str) -> None:
    """Paths of this machine are for programs that have a key; a page names models that it was told of."""
    if _principal(request).kind == "key" or reference == EMBEDDED_REFERENCE:
        return
    if ID.fullmatch(reference) is None:
        raise InvalidRequestError("That is no model's id.", param="model", code="invalid_value")
    desk.state(reference)


def _flag(request: Request, name: str) -> bool:
    given = request.query_params.get(name, "false").lower()
    if given not in ("true", "false"):
        raise InvalidRequestError(f"{name} is true or false.", param=name)
    return given == "true"
