"""WebSocket conversations through the whole gateway: who may start one, how many, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sottovoce.gateway.app import end_sessions
from sottovoce.realtime.protocol import MAX_MESSAGE_BYTES
from tests.contract.gateway_server import BEARER, KEY, Gateway, running

EVIL = "https://evil.example"
SUBPROTOCOLS = ["realtime", f"openai-insecure-api-key.{KEY}", "openai-agents-sdk.1"]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, max_sessions=2) as served:
        yield served


def dial(gateway: Gateway, headers: dict[str, str] | None = None, **options: Any) -> connect:
    url = gateway.url.replace("http", "ws") + "/v1/realtime?model=sottovoce"
    return connect(url, additional_headers=headers or {}, proxy=None, **options)


async def first_event(socket: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(await socket.recv()))


async def all_free(gateway: Gateway) -> None:
    """Places are given back when a session is closed, moments after its socket."""
    async with asyncio.timeout(5):
        await gateway.app.state.sessions.wait_until_free()
    assert all(session.is_closed for session in gateway.sessions)


async def test_programs_converse_with_the_key(gateway: Gateway) -> None:
    async with dial(gateway, BEARER) as socket:
        assert (await first_event(socket))["type"] == "session.created"
        assert gateway.taken == 1
    await all_free(gateway)


async def test_a_plain_request_is_told_to_come_by_websocket(gateway: Gateway) -> None:
    reply = await gateway.client.get("/v1/realtime?model=sottovoce", headers=BEARER)
    error = reply.json()["error"]
    assert (reply.status_code, reply.headers["upgrade"]) == (426, "websocket")
    assert (error["type"], error["code"]) == ("invalid_request_error", "upgrade_required")
    assert "WebSocket client" in error["message"]
    assert (await gateway.client.get("/v1/realtime")).status_code == 401


async def test_browsers_send_it_as_a_subprotocol_which_is_never_echoed(gateway: Gateway) -> None:
    for origin in (gateway.url, None):
        async with dial(gateway, subprotocols=SUBPROTOCOLS, origin=origin) as socket:
            assert socket.subprotocol == "realtime"
            assert (await first_event(socket))["type"] == "session.created"
    await all_free(gateway)


async def test_the_page_converses_with_its_cookie(gateway: Gateway) -> None:
    cookie = (await gateway.client.get("/")).headers["set-cookie"].partition(";")[0]
    async with dial(gateway, {"cookie": cookie}, origin=gateway.url) as socket:
        assert (await first_event(socket))["type"] == "session.created"
    with pytest.raises(InvalidStatus) as caught:
        async with dial(gateway, {"cookie": cookie}):
            pass
    assert caught.value.response.status_code == 401
    await all_free(gateway)


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"headers": {}}, 401, "invalid_api_key"),
        ({"headers": {"authorization": "Bearer wrong"}}, 401, "invalid_api_key"),
        ({"subprotocols": ["realtime", "openai-insecure-api-key.wrong"]}, 401, "invalid_api_key"),
        ({"subprotocols": SUBPROTOCOLS, "origin": EVIL}, 403, "origin_not_allowed"),
        ({"subprotocols": SUBPROTOCOLS, "origin": "null"}, 403, "origin_not_allowed"),
        ({"headers": {"cookie": "sottovoce_page_1=x"}, "origin": EVIL}, 403, "origin_not_allowed"),
        (
            {"headers": {"sec-fetch-site": "cross-site"}, "subprotocols": SUBPROTOCOLS},
            403,
            "origin_not_allowed",
        ),
        ({"headers": {**BEARER, "cookie": "a=b"}, "origin": EVIL}, 403, "origin_not_allowed"),
    ],
)
async def test_others_are_refused_before_the_socket_opens(
    gateway: Gateway, options: dict[str, Any], status: int, code: str
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with dial(gateway, **options):
            pass
    response = caught.value.response
    assert response.status_code == status
    assert response.body is not None
    assert json.loads(response.body)["error"]["code"] == code
    assert response.headers["x-content-type-options"] == "nosniff"
    assert gateway.sessions == []


async def test_a_rebound_name_is_refused(gateway: Gateway) -> None:
    port = gateway.url.rpartition(":")[2]
    url = f"ws://evil.example:{port}/v1/realtime"
    headers = {**BEARER, "origin": f"http://evil.example:{port}"}
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, host="127.0.0.1", port=int(port), additional_headers=headers, proxy=None):
            pass
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/v1/realtime/", "/v1/audio/speech", "/realtime", "/assets/x"])
async def test_a_handshake_elsewhere_is_told_where_to_go(gateway: Gateway, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(gateway.url.replace("http", "ws") + path, additional_headers=BEARER, proxy=None):
            pass
    response = caught.value.response
    assert response.status_code == 404
    error = json.loads(response.body or b"")["error"]
    assert error["code"] == "not_found"
    assert "/v1/realtime" in error["message"]
    assert response.headers["x-request-id"]


async def test_one_session_too_many_is_refused_and_costs_the_others_nothing(gateway: Gateway) -> None:
    async with dial(gateway, BEARER) as first, dial(gateway, BEARER) as second:
        with pytest.raises(InvalidStatus) as caught:
            async with dial(gateway, BEARER):
                pass
        response = caught.value.response
        assert response.status_code == 503
        assert response.headers["retry-after"] == "5"
        assert json.loads(response.body or b"")["error"]["code"] == "rate_limit_exceeded"
        for socket in (first, second):
            assert (await first_event(socket))["type"] == "session.created"
        status = (await gateway.client.get("/api/status", headers=BEARER)).json()
        assert status["sessions"] == 2
    await all_free(gateway)
    async with dial(gateway, BEARER) as again:
        assert (await first_event(again))["type"] == "session.created"


async def test_an_oversize_message_closes_its_own_socket_alone(gateway: Gateway) -> None:
    async with dial(gateway, BEARER) as good, dial(gateway, BEARER) as bad:
        await first_event(bad)
        with contextlib.suppress(ConnectionClosed):
            await bad.send("x" * (MAX_MESSAGE_BYTES + 1))
        await bad.wait_closed()
        assert bad.close_code == 1009
        assert (await first_event(good))["type"] == "session.created"
    await all_free(gateway)


async def test_shutting_down_closes_conversations_politely(gateway: Gateway) -> None:
    async with dial(gateway, BEARER) as socket:
        await first_event(socket)
        await end_sessions(gateway.app)
        await end_sessions(gateway.app)
        await socket.wait_closed()
        assert socket.close_code == 1001
    await all_free(gateway)


async def test_a_vanished_client_frees_its_place(gateway: Gateway) -> None:
    socket = await dial(gateway, BEARER)
    await first_event(socket)
    socket.transport.abort()
    await all_free(gateway)
