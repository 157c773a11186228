"""llama.cpp kept running: started, watched, started again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from sottovoce.errors import EngineError, EngineUnavailable
from sottovoce.processes.cancelling import cancelled
from sottovoce.services.health import Health
from sottovoce.services.llama.backend import Backend
from sottovoce.services.llama.client import LlamaClient
from sottovoce.services.llama.life import Life

logger = logging.getLogger(__name__)

STABLE_AFTER = 20.0
"""Seconds after which a life counts as one that stood."""
MAX_SHORT_LIVES = 3
"""In a row; then the trouble is not passing, and the service says that it failed."""


class LlamaKeeper:
    """Runs `backend` from `start` on; `health` tells while it is started again, and when it cannot be."""

    def __init__(self, client: LlamaClient, health: Health, warm: Callable[[], Awaitable[None]]) -> None:
        """`warm` has each life work for the first time; it raises what is wrong with it."""
        self._client = client
        self._health = health
        self._warm = warm
        self._life: Life | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._short_lives = 0

    @property
    def pid(self) -> int | None:
        return None if self._life is None else self._life.pid

    async def start(self, backend: Backend) -> None:
        """Until it is loaded and warm. Raises `EngineError` with the reason why it cannot be."""
        life = await self._begin(backend)
        self._keeping = asyncio.create_task(self._keep(backend, life))

    def give_up(self, fault: str) -> None:
        """Have a server that hangs started again."""
        if self._life is not None:
            self._life.give_up(fault)

    async def aclose(self) -> None:
        if self._keeping is not None:
            await cancelled(self._keeping)
        if self._life is not None:
            await self._life.end()

    async def _begin(self, backend: Backend) -> Life:
        self._life = life = await Life.begin(backend, self._client)
        try:
            await life.wait_ready()
            self._health.warming()
            await self._warm()
        except BaseException:
            await life.end()
            raise
        return life

    async def _keep(self, backend: Backend, life: Life) -> None:
        while True:
            begun = time.monotonic()
            why = await life.watch()
            logger.error("llama.cpp %s; starting it again", why)
            self._health.reloading(f"llama.cpp {why}")
            try:
                self._count(time.monotonic() - begun, why)
                life = await self._begin(backend)
            except EngineError as error:
                logger.error("%s", error)
                self._health.failed(error.message)
                return
            self._health.ready()

    def _count(self, stood: float, why: str) -> None:
        self._short_lives = 1 if stood >= STABLE_AFTER else self._short_lives + 1
        if self._short_lives > MAX_SHORT_LIVES:
            raise EngineUnavailable(f"llama.cpp ends again and again; it {why}", engine="llm")
