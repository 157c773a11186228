"""The OpenAPI document of the running gateway, and the routes that it has to name."""

from __future__ import annotations

import json
from pathlib import Path

from starlette.routing import Mount, Route, Router

from sottovoce.gateway.routes.openapi import DOCUMENT
from tests.contract.gateway_server import running

NOT_OF_OPENAIS = {"/api/connection-details"}
"""What clients other than the page use besides."""

PATHS_OF_NO_REST = {"/realtime", "/realtime/calls/{call_id}"}
"""One for WebSockets; and hanging up by DELETE is this page's own way, OpenAI's is the one to document."""


async def test_every_rest_route_is_documented(tmp_path: Path) -> None:
    documented = {
        (method.upper(), path.removeprefix("/v1").partition("{")[0])
        for path, methods in json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"].items()
        for method in methods
        if path not in NOT_OF_OPENAIS
    }
    async with running(tmp_path) as gateway:
        (v1,) = [route for route in gateway.app.routes if isinstance(route, Mount) and route.path == "/v1"]
        assert isinstance(v1.app, Router)
        routes = [route for route in v1.app.routes if isinstance(route, Route)]
    served = {
        (method, route.path.partition("{")[0])
        for route in routes
        if route.path not in PATHS_OF_NO_REST
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert len(served) > 8
    assert served == documented


async def test_anybody_may_read_it(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        reply = await gateway.client.get("/openapi.json")
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["info"]["title"] == "Sottovoce"
