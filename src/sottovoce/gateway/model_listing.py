"""What models the engines offer, asked of each; those of others are asked now and then only."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from sottovoce.config import ENGINE_KINDS, EngineEndpoint, EngineKind
from sottovoce.errors import EngineError
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.http.engine_client import EngineClient, read_up_to
from sottovoce.http.request_id import REQUEST_ID, current_request_id

logger = logging.getLogger(__name__)

MODELS_PATIENCE = 5.0
"""Seconds for an engine to say what it has; one that hangs must not hide the others."""

FRESH = 10.0
"""Seconds that what an engine of others said, or its silence, is remembered: requests with a name that
may be an alias all need to know."""

MAX_LIST_BYTES = 4 << 20
"""Of an engine's list; that of the largest public one is a megabyte."""


class Model(BaseModel):
    """OpenAI's model object; what an engine says beyond it is passed on, and nothing is made up for it."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "unknown"

    def is_called(self, name: str) -> bool:
        """Whether it says that `name` means it; engines may know further spellings."""
        aliases = (self.model_extra or {}).get("aliases")
        return name == self.id or (isinstance(aliases, list) and name in aliases)


class ModelList(BaseModel):
    data: list[Model]


Form = TypeVar("Form", bound=BaseModel)


@dataclass
class _Known:
    """What an engine of others said last, and when; `models` None where it did not answer."""

    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    at: float | None = None
    models: list[Model] | None = None


class ModelListing:
    """What is behind `external` URLs belongs to others: their lists are long and their machines far."""

    def __init__(
        self,
        client: EngineClient,
        engines: EngineDirectory,
        external: Collection[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._engines = engines
        self._external = external
        self._clock = clock
        self._known: dict[EngineEndpoint, _Known] = {}

    async def of(self, kind: EngineKind) -> list[Model] | None:
        """The models of all engines of a chain, the preferred one's first; None where none answers."""
        lists = await asyncio.gather(*(self.at(endpoint) for endpoint in self._engines.chain(kind)))
        told = [models for models in lists if models is not None]
        found: dict[str, Model] = {}
        for model in (model for models in told for model in models):
            found.setdefault(model.id, model)
        return list(found.values()) if told else None

    async def at(self, endpoint: EngineEndpoint) -> list[Model] | None:
        """The models of one engine; None where it does not answer as it should."""
        if endpoint.url not in self._external:
            return await self._models(endpoint)
        self._forget_departed()
        known = self._known.setdefault(endpoint, _Known())
        async with known.asking:
            if known.at is None or self._clock() - known.at >= FRESH:
                known.models = await self._models(endpoint)
                known.at = self._clock()
            return known.models

    async def _models(self, endpoint: EngineEndpoint) -> list[Model] | None:
        found = await self._asked(endpoint, "/models", ModelList)
        return None if found is None else found.data

    async def named(self, kind: EngineKind, name: str) -> Model | None:
        """The model that the first engine of a chain which has one means by `name`, which may be an alias
        that it does not list."""
        path = f"/models/{quote(name, safe='')}"
        asked = (self._asked(endpoint, path, Model) for endpoint in self._engines.chain(kind))
        return next((model for model in await asyncio.gather(*asked) if model is not None), None)

    def _forget_departed(self) -> None:
        there = {endpoint for kind in ENGINE_KINDS for endpoint in self._engines.chain(kind)}
        self._known = {endpoint: known for endpoint, known in self._known.items() if endpoint in there}

    async def _asked(self, endpoint: EngineEndpoint, path: str, form: type[Form]) -> Form | None:
        try:
            async with (
                asyncio.timeout(MODELS_PATIENCE),
                self._client.ask(
                    endpoint,
                    "GET",
                    path,
                    patience=MODELS_PATIENCE,
                    headers={REQUEST_ID: current_request_id()},
                ) as reply,
            ):
                if reply.status == 404:
                    return None
                return form.model_validate_json(await read_up_to(reply, MAX_LIST_BYTES) or b"")
        except (EngineError, ValidationError, TimeoutError) as error:
            logger.warning("the %s engine does not tell its models: %s", endpoint.kind, type(error).__name__)
            return None
