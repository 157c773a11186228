"""`/rtc…`: where LiveKit's clients reach the server that `serve --livekit` runs, and nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from yarl import URL

from sottovoce.gateway.signal_relay import MAX_REFUSAL_BYTES, PASSED_ON, SignalEndpoint, SignalRelay
from sottovoce.http.engine_client import CONNECT_PATIENCE, plain_session, read_up_to

SIGNAL_PATHS = ("/rtc", "/rtc/v1")
"""Of LiveKit's protocol with two connections for media, and with one."""

QUESTION_PATIENCE = 5.0
"""Seconds for LiveKit to answer that: it looks at the token and the room, no more."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What clients ask when they were refused: LiveKit's own answer, from a place of the relay's."""

    relay: SignalRelay
    path: str

    async def answer(self, request: Request) -> Response:
        with self.relay.slots.take():
            return await self._asked(request)

    async def _asked(self, request: Request) -> Response:
        url = self.relay.url(self.path, request.scope).replace("ws", "http", 1)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        timeout = aiohttp.ClientTimeout(total=QUESTION_PATIENCE, sock_connect=CONNECT_PATIENCE)
        try:
            async with (
                plain_session(1) as session,
                session.get(
                    URL(url, encoded=True), headers=headers, timeout=timeout, allow_redirects=False
                ) as reply,
            ):
                text = await read_up_to(reply, MAX_REFUSAL_BYTES) or b""
                return PlainTextResponse(text, reply.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self.relay.unreachable(error) from error


def routes(relay: SignalRelay) -> list[BaseRoute]:
    asked = [Validation(relay, f"{path}/validate") for path in SIGNAL_PATHS]
    return [
        *(WebSocketRoute(path, SignalEndpoint(relay, path)) for path in SIGNAL_PATHS),
        *(Route(each.path, each.answer, methods=["GET"]) for each in asked),
    ]
