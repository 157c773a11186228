"""`/api/keys`: what `sottovoce key` does, for those who look after a server from elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.gateway.keys import ApiKey, KeyStore
from sottovoce.gateway.principal import Scope
from sottovoce.http.body import read_json


class NewKey(BaseModel):
    """The body of `POST /api/keys`."""

    model_config = ConfigDict(extra="forbid")

    name: str
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]


def routes(keys: KeyStore) -> list[Route]:
    async def every(request: Request) -> Response:
        listed = await asyncio.to_thread(keys.all)
        return JSONResponse({"object": "list", "data": [_shown(key) for key in listed]})

    async def create(request: Request) -> Response:
        asked = await read_json(request, NewKey)
        key, secret = await asyncio.to_thread(keys.create, asked.name, asked.scopes)
        return JSONResponse({**_shown(key), "value": secret}, 201)

    async def revoke(request: Request) -> Response:
        key = await asyncio.to_thread(keys.revoke, request.path_params["key"])
        return JSONResponse({"object": "api_key.deleted", "id": key.id, "deleted": True})

    return [
        Route("/keys", every),
        Route("/keys", create, methods=["POST"]),
        Route("/keys/{key}", revoke, methods=["DELETE"]),
    ]


def _shown(key: ApiKey) -> dict[str, object]:
    return {"object": "api_key", **asdict(key)}
