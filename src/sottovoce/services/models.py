"""`/v1/models`: the one model a service has, under its own name and those that OpenAI's clients send."""

from __future__ import annotations

import time
from collections.abc import Set
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sottovoce.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class ServedModel:
    """`aliases` are accepted in requests and looked up, but not listed."""

    id: str
    aliases: Set[str] = frozenset()
    created: int = field(default_factory=lambda: int(time.time()))

    def check(self, name: str) -> None:
        """Raises `NotFoundError` with code "model_not_found" for a name that is neither."""
        if name != self.id and name not in self.aliases:
            raise NotFoundError(
                f"The model {name[:64]!r} does not exist here; this service has {self.id!r}.",
                param="model",
                code="model_not_found",
            )

    def routes(self) -> list[Route]:
        return [Route("/v1/models", self._list), Route("/v1/models/{name}", self._one)]

    async def _list(self, request: Request) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [self._described(self.id)]})

    async def _one(self, request: Request) -> JSONResponse:
        name = request.path_params["name"]
        self.check(name)
        return JSONResponse(self._described(name))

    def _described(self, name: str) -> dict[str, object]:
        return {"id": name, "object": "model", "created": self.created, "owned_by": "sottovoce"}
