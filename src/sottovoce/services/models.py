"""`/v1/models`: the one model a service has, under its own name and those that OpenAI's clients send."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sottovoce.errors import NotFoundError

MAX_SHOWN_CHARACTERS = 64
"""Of a name that is not known, in the error that says so."""

EDITION = re.compile(r"(?:-latest|-preview|-\d{4}(?:-\d{2}-\d{2})?)+$")
"""What OpenAI appends to the name of a model for one of its editions."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a request may hold: `ignored` are accepted because stock clients send them, and have no effect."""

    honoured: Sequence[str] = ()
    ignored: Sequence[str] = ()


def _no_facts() -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model and what it can do.

    `aliases` are accepted in requests and looked up, with any edition of them ("-2025-12-15"); `family`
    matches further names whole. Neither is listed as a model of its own. `facts` are asked for with every
    description, since some are known only once the engine is loaded, or change: "response_formats",
    "languages", "voices", "condition".
    """

    id: str
    aliases: Set[str] = frozenset()
    family: re.Pattern[str] | None = None
    parameters: Parameters = Parameters()
    facts: Callable[[], Mapping[str, object]] = _no_facts
    created: int = field(default_factory=lambda: int(time.time()))

    def is_called(self, name: str) -> bool:
        """Whether `name` means this model."""
        if name == self.id or name in self.aliases or EDITION.sub("", name) in self.aliases:
            return True
        return self.family is not None and self.family.fullmatch(name) is not None

    def check(self, name: str) -> None:
        """Raises `NotFoundError` with code "model_not_found" for a name that is not this model's."""
        if not self.is_called(name):
            raise NotFoundError(
                f"The model {name[:MAX_SHOWN_CHARACTERS]!r} does not exist here; "
                f"this service has {self.id!r}.",
                param="model",
                code="model_not_found",
            )

    def routes(self) -> list[Route]:
        return [Route("/v1/models", self._list), Route("/v1/models/{name:path}", self._one)]

    async def _list(self, request: Request) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [self.described(self.id)]})

    async def _one(self, request: Request) -> JSONResponse:
        name = request.path_params["name"]
        self.check(name)
        return JSONResponse(self.described(name))

    def described(self, name: str) -> dict[str, object]:
        """OpenAI's model object, and what it lacks; `root` is the model behind an alias, as at vLLM."""
        return {
            "id": name,
            "object": "model",
            "created": self.created,
            "owned_by": "sottovoce",
            "root": self.id,
            "aliases": sorted(self.aliases),
            "parameters": asdict(self.parameters),
            **self.facts(),
        }
