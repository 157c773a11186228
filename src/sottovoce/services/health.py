"""`/livez` and `/readyz`, the same for every engine service; neither needs a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def _well() -> str | None:
    return None


@dataclass(slots=True)
class Health:
    """Whether a service can work. `fault` tells what only a new process can cure; then it is not alive."""

    status: Literal["loading", "ready", "failed"] = "loading"
    reason: str | None = None
    fault: Callable[[], str | None] = _well

    def ready(self) -> None:
        self.status, self.reason = "ready", None

    def failed(self, reason: str) -> None:
        self.status, self.reason = "failed", reason

    def routes(self) -> list[Route]:
        return [Route("/livez", self._livez), Route("/readyz", self._readyz)]

    async def _livez(self, request: Request) -> JSONResponse:
        fault = self.fault()
        return _reply("failed", fault) if fault else _reply("alive", None)

    async def _readyz(self, request: Request) -> JSONResponse:
        fault = self.fault()
        return _reply("failed", fault) if fault else _reply(self.status, self.reason)


def _reply(status: str, reason: str | None) -> JSONResponse:
    body = {"status": status} if reason is None else {"status": status, "reason": reason}
    return JSONResponse(body, status_code=200 if status in ("alive", "ready") else 503)
