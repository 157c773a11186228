"""The key of the engine services: asked for before anything is read, on HTTP and WebSocket alike."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from sottovoce.http.auth import RequireKey

KEY = "sk-the-right-key"


async def answer(request: Request) -> Response:
    return PlainTextResponse("in")


async def greet(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("in")
    await websocket.close()


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=[Route("/livez", answer), Route("/v1/x", answer), WebSocketRoute("/v1/ws", greet)])
    return TestClient(RequireKey(app, KEY))


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", f"Bearer  {KEY}"])
def test_the_right_key_opens(client: TestClient, header: str) -> None:
    assert client.get("/v1/x", headers={"authorization": header}).text == "in"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEY}", KEY, f"Bearer {KEY}x", "Bearer \xe9"]
)
def test_anything_else_is_401_in_openai_s_form(client: TestClient, header: str) -> None:
    reply = client.get("/v1/x", headers={"authorization": header.encode("latin-1")})
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    assert reply.json()["error"]["code"] == "invalid_api_key"
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_health_needs_no_key(client: TestClient) -> None:
    assert client.get("/livez").status_code == httpx.codes.OK


def test_a_websocket_is_refused_before_it_is_accepted(client: TestClient) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/v1/ws"):
        pytest.fail("accepted")
    assert refused.value.status_code == 401
    assert refused.value.json()["error"]["code"] == "invalid_api_key"


def test_a_websocket_with_the_key_is_let_in(client: TestClient) -> None:
    with client.websocket_connect("/v1/ws", headers={"authorization": f"Bearer {KEY}"}) as websocket:
        assert websocket.receive_text() == "in"
