"""`/v1/models`: what the engines offer, as one list, and the conversations that this server makes of them."""

from __future__ import annotations

import asyncio
import re
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sottovoce.config import ENGINE_KINDS
from sottovoce.errors import EngineUnavailable, NotFoundError
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.gateway.model_listing import Model, ModelListing
from sottovoce.gateway.model_names import ModelNames, is_hard_coded
from sottovoce.realtime.parameters import HONOURED, IGNORED

REALTIME_MODEL = "gpt-realtime"
REALTIME_NAMES = re.compile(r"gpt-(?:4o-(?:mini-)?)?realtime(?!-whisper)[\w.-]*")
"""What clients call a whole conversation; each is answered alike, whatever its name."""

MAX_NAME_CHARACTERS = 256
"""Of a model's name: engines are asked for it by address."""


def routes(engines: EngineDirectory, listing: ModelListing, names: ModelNames) -> list[Route]:
    catalogue = Catalogue(engines, listing, names)

    async def every(request: Request) -> Response:
        data = [model.model_dump() for model in await catalogue.listed()]
        return JSONResponse({"object": "list", "data": data})

    async def one(request: Request) -> Response:
        model = await catalogue.find(request.path_params["model"])
        return JSONResponse(model.model_dump())

    return [Route("/models", every), Route("/models/{model:path}", one)]


class Catalogue:
    """Every model under every name it goes by."""

    def __init__(self, engines: EngineDirectory, listing: ModelListing, names: ModelNames) -> None:
        self._engines = engines
        self._listing = listing
        self._names = names
        self._created = int(time.time())

    async def listed(self) -> list[Model]:
        """Raises `EngineUnavailable` where no engine answers at all."""
        lists = await asyncio.gather(*(self._listing.of(kind) for kind in ENGINE_KINDS))
        if all(models is None for models in lists):
            raise EngineUnavailable("No engine answers yet; try again in a moment.", engine="llm")
        found: dict[str, Model] = {}
        for model in (model for models in lists for model in models or ()):
            found.setdefault(model.id, model)
        return [*found.values(), self._conversation(REALTIME_MODEL)]

    async def find(self, name: str) -> Model:
        """Raises `NotFoundError`, and `EngineUnavailable` like `listed`."""
        if len(name) > MAX_NAME_CHARACTERS:
            raise _unknown(name)
        if REALTIME_NAMES.fullmatch(name):
            return self._conversation(name)
        for model in await self.listed():
            if model.id == name:
                return model
        alias = await self._alias(name)
        if alias is None:
            raise _unknown(name)
        return alias

    async def _alias(self, name: str) -> Model | None:
        asked = await asyncio.gather(*(self._listing.named(kind, name) for kind in ENGINE_KINDS))
        if answers := [model for model in asked if model is not None]:
            return answers[0]
        return self._replaced(name)

    def _replaced(self, name: str) -> Model | None:
        """An engine of others, by a name that is replaced for it; nothing else is known of it."""
        for endpoint in (self._engines.endpoint(kind) for kind in ENGINE_KINDS):
            configured = self._names.configured(endpoint)
            if configured is not None and is_hard_coded(endpoint.kind, name):
                return Model.model_validate({"id": name, "root": configured})
        return None

    def _conversation(self, name: str) -> Model:
        engines = {kind: self._engines.status(kind).model for kind in ENGINE_KINDS}
        return Model.model_validate(
            {
                "id": name,
                "created": self._created,
                "owned_by": "sottovoce",
                "root": REALTIME_MODEL,
                "engines": engines,
                "parameters": {"honoured": HONOURED, "ignored": IGNORED},
            }
        )


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(
        f"The model {name[:MAX_NAME_CHARACTERS]!r} does not exist here; GET /v1/models lists those that do.",
        param="model",
        code="model_not_found",
    )
