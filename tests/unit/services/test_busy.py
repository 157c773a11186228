"""What a service has open is told to whoever looks at its health."""

from __future__ import annotations

import asyncio

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from sottovoce.services.busy import Busy
from sottovoce.services.health import Health


class Service:
    """Its one request takes until `may_go_on`, or fails."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()
        health = Health(status="ready")
        routes = [
            *health.routes(),
            Route("/v1/work", self.work),
            Route("/v1/fail", self.fail),
            WebSocketRoute("/v1/talk", self.talk),
        ]
        self.app = Busy(Starlette(routes=routes))
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://service")

    async def work(self, request: Request) -> Response:
        await self.may_go_on.wait()
        return Response("done")

    async def fail(self, request: Request) -> Response:
        raise ZeroDivisionError

    async def talk(self, socket: WebSocket) -> None:
        await socket.accept()
        await self.may_go_on.wait()

    async def busy(self) -> int:
        assert "busy" not in (await self.client.get("/livez")).json()
        return int((await self.client.get("/readyz")).json()["busy"])


async def test_open_requests_are_counted_until_they_end() -> None:
    service = Service()
    assert await service.busy() == 0
    working = [asyncio.create_task(service.client.get("/v1/work")) for _ in range(3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        while await service.busy() < 3:  # noqa: ASYNC110  the requests are on their way
            await asyncio.sleep(0)
    working[0].cancel()
    await asyncio.wait({working[0]})
    assert await service.busy() == 2
    service.may_go_on.set()
    await asyncio.gather(*working[1:])
    assert await service.busy() == 0


async def test_one_that_fails_is_open_no_longer() -> None:
    service = Service()
    assert (await service.client.get("/v1/fail")).status_code == 500
    assert await service.busy() == 0


async def test_an_open_websocket_counts() -> None:
    service = Service()

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None: ...

    scope = {"type": "websocket", "path": "/v1/talk", "headers": [], "query_string": b"", "subprotocols": []}
    talking = asyncio.create_task(service.app(scope, receive, send))
    await asyncio.sleep(0)
    assert await service.busy() == 1
    service.may_go_on.set()
    await talking
    assert await service.busy() == 0
