"""How a service comes to be ready; `/livez` and `/readyz`, the same for every one; neither needs a key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sottovoce.errors import EngineError, EngineUnavailable
from sottovoce.services.busy import BUSY

logger = logging.getLogger(__name__)

LOAD_PATIENCE = 5.0
"""Seconds a request waits for an engine that is still loading, as it does after a restart."""


def _well() -> str | None:
    return None


@dataclass(slots=True)
class Health:
    """Whether a service can work. `fault` tells what only a new process can cure; then it is not alive."""

    status: Literal["loading", "warming", "ready", "failed"] = "loading"
    reason: str | None = None
    fault: Callable[[], str | None] = _well
    _loaded: asyncio.Event = field(default_factory=asyncio.Event)

    async def load(self, loading: Awaitable[None], warm: Callable[[], Awaitable[None]] | None = None) -> None:
        """Ready or failed when `loading` is over, and `warm`, what makes the engine quick the first time.

        Never raises: whatever stops it is a reason to have failed.
        """
        try:
            await loading
            if warm is not None:
                self.warming()
                await warm()
        except EngineError as error:
            self.failed(error.message)
            logger.error("%s", self.reason)
        except Exception as error:  # boundary: nobody awaits this
            logger.exception("the engine could not be loaded")
            self.failed(f"The engine could not be loaded: {error!r}")
        else:
            self.ready()

    async def wait(self, name: str, engine: str) -> None:
        """Let requests that came while the service was restarting wait for its engine.

        Raises `EngineUnavailable` where that takes longer than LOAD_PATIENCE.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LOAD_PATIENCE):
                await self._loaded.wait()
        self.check(name, engine)

    def check(self, name: str, engine: str) -> None:
        """Raises `EngineUnavailable`."""
        if self.status != "ready":
            raise EngineUnavailable(f"{name} is not ready: {self.reason or self.status}.", engine=engine)

    def warming(self) -> None:
        """The model is loaded, and works for the first time."""
        self.status = "warming"

    def reloading(self, reason: str) -> None:
        """The engine was lost, and is on its way back."""
        self.status, self.reason = "loading", reason
        self._loaded.clear()

    def ready(self) -> None:
        self.status, self.reason = "ready", None
        self._loaded.set()

    def failed(self, reason: str) -> None:
        """What libraries say may have several lines; a status and a log have one."""
        self.status, self.reason = "failed", " ".join(reason.split())
        self._loaded.set()

    def routes(self) -> list[Route]:
        return [Route("/livez", self._livez), Route("/readyz", self._readyz)]

    async def _livez(self, request: Request) -> JSONResponse:
        fault = self.fault()
        return _reply("failed", fault) if fault else _reply("alive", None)

    async def _readyz(self, request: Request) -> JSONResponse:
        fault, busy = self.fault(), request.scope.get(BUSY, 0)
        return _reply("failed", fault, busy) if fault else _reply(self.status, self.reason, busy)


def _reply(status: str, reason: str | None, busy: int | None = None) -> JSONResponse:
    said = {"status": status, "reason": reason, "busy": busy}
    body = {name: value for name, value in said.items() if value is not None}
    return JSONResponse(body, status_code=200 if status in ("alive", "ready") else 503)
