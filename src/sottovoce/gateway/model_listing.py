"""What models the engines offer, asked of each; those of others are asked now and then only."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from sottovoce.config import ENGINE_KINDS, EngineKind
from sottovoce.errors import EngineError
from sottovoce.gateway.engine_client import EngineClient, read_up_to
from sottovoce.gateway.engines import EngineDirectory
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


class ModelList(BaseModel):
    data: list[Model]


Form = TypeVar("Form", bound=BaseModel)


class ModelListing:
    """`external` are the engines of others: their lists are long and their machines far."""

    def __init__(
        self,
        client: EngineClient,
        engines: EngineDirectory,
        external: Collection[EngineKind],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._engines = engines
        self._external = external
        self._clock = clock
        self._known: dict[EngineKind, tuple[float, list[Model] | None]] = {}
        self._asking = {kind: asyncio.Lock() for kind in ENGINE_KINDS}

    async def of(self, kind: EngineKind) -> list[Model] | None:
        """The models of one engine; None where it does not answer as it should."""
        async with self._asking[kind]:
            if (known := self._known.get(kind)) is not None and self._clock() - known[0] < FRESH:
                return known[1]
            found = await self._asked(kind, "/models", ModelList)
            models = None if found is None else found.data
            if kind in self._external:
                self._known[kind] = self._clock(), models
            return models

    async def named(self, kind: EngineKind, name: str) -> Model | None:
        """The model that one engine means by `name`, which may be an alias that it does not list."""
        return await self._asked(kind, f"/models/{quote(name, safe='')}", Model)

    async def _asked(self, kind: EngineKind, path: str, form: type[Form]) -> Form | None:
        endpoint = self._engines.endpoint(kind)
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
            logger.warning("the %s engine does not tell its models: %s", kind, type(error).__name__)
            return None
