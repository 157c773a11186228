"""`/v1/models`: what the engines offer, as one list."""

from __future__ import annotations

import asyncio
import logging

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.config import ENGINE_KINDS, EngineKind
from sottovoce.errors import EngineUnavailable, NotFoundError
from sottovoce.gateway.engines import EngineDirectory

logger = logging.getLogger(__name__)

MODELS_TIMEOUT = 5.0
"""Seconds for an engine to list its models; one that hangs must not hide the others."""


class Model(BaseModel):
    """One entry; engines may say more about it, which is passed on."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "sottovoce"


class ModelList(BaseModel):
    data: list[Model]


def routes(client: httpx.AsyncClient, engines: EngineDirectory) -> list[Route]:
    async def listed() -> dict[str, Model]:
        lists = await asyncio.gather(*(_models_of(client, engines, kind) for kind in ENGINE_KINDS))
        if all(models is None for models in lists):
            raise EngineUnavailable("No engine answers yet; try again in a moment.", engine="llm")
        return {model.id: model for models in lists for model in models or ()}

    async def every(request: Request) -> Response:
        data = [model.model_dump() for model in (await listed()).values()]
        return JSONResponse({"object": "list", "data": data})

    async def one(request: Request) -> Response:
        name = request.path_params["model"]
        model = (await listed()).get(name)
        if model is None:
            raise NotFoundError(f"There is no model {name!r}.", param="model", code="model_not_found")
        return JSONResponse(model.model_dump())

    return [Route("/models", every), Route("/models/{model:path}", one)]


async def _models_of(
    client: httpx.AsyncClient, engines: EngineDirectory, kind: EngineKind
) -> list[Model] | None:
    """None where the engine does not answer as it should; the others' models are still worth showing."""
    endpoint = engines.endpoint(kind)
    try:
        async with asyncio.timeout(MODELS_TIMEOUT):
            reply = await client.get(endpoint.url.rstrip("/") + "/models", headers=endpoint.headers)
        reply.raise_for_status()
        return ModelList.model_validate_json(reply.content).data
    except (httpx.HTTPError, ValidationError, TimeoutError) as error:
        logger.warning("the %s engine does not list its models: %s", kind, type(error).__name__)
        return None
