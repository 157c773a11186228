"""How much a service has to do: who ends it needs to know."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

BUSY = "sottovoce.busy"
"""The key in the scope of a request under which `services.health` finds the number."""

WORK = "/v1/"
"""What is counted: looks at a service's health are not."""


class Busy:
    """Counts the open requests and WebSockets under `/v1/`, and tells all others how many they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not scope["path"].startswith(WORK):
            scope[BUSY] = self._open
            await self._app(scope, receive, send)
            return
        self._open += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= 1
