"""One id in the reply, in the log and for whoever works on the request."""

from __future__ import annotations

import io
import logging

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from sottovoce.http.request_id import RequestId, RequestIdFormatter, current_request_id


async def tell(request: Request) -> Response:
    logging.getLogger("told").warning("work is done")
    return PlainTextResponse(current_request_id(), headers={"x-request-id": "another"})


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(current_request_id())
    await socket.close()


async def refuse(socket: WebSocket) -> None:
    await socket.send_denial_response(PlainTextResponse("no", 401))


@pytest.fixture
def client() -> TestClient:
    routes = [Route("/", tell), WebSocketRoute("/talk", talk), WebSocketRoute("/refuse", refuse)]
    return TestClient(RequestId(Starlette(routes=routes)))


def test_every_reply_has_an_id_of_its_own(client: TestClient) -> None:
    one, other, missing = client.get("/"), client.get("/"), client.get("/nothing")
    ids = [reply.headers["x-request-id"] for reply in (one, other, missing)]
    assert len(set(ids)) == 3
    assert all(name.startswith("req_") for name in ids)
    assert (one.text, other.text) == (ids[0], ids[1])


@pytest.mark.parametrize("given", ["req_1", "a" * 128, "0f8fad5b-d9cb-469f-a165-70867728950e", "a:b/c+d=@_."])
def test_a_sane_id_of_the_client_is_kept(client: TestClient, given: str) -> None:
    reply = client.get("/", headers={"x-request-id": given})
    assert (reply.headers["x-request-id"], reply.text) == (given, given)


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "a\tb", "é".encode("latin-1"), "-rf", "a;b", '"'])
def test_any_other_is_replaced(client: TestClient, given: str | bytes) -> None:
    reply = client.get("/", headers={"x-request-id": given})
    assert reply.headers["x-request-id"].startswith("req_")


def test_websockets_have_one_as_well_taken_or_refused(client: TestClient) -> None:
    with client.websocket_connect("/talk", headers={"x-request-id": "mine"}) as socket:
        assert socket.receive_text() == "mine"
        assert dict(socket.extra_headers or [])[b"x-request-id"] == b"mine"
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/refuse"):
        pass
    assert refused.value.headers["x-request-id"].startswith("req_")


def test_log_lines_of_a_request_end_in_its_id(client: TestClient) -> None:
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(RequestIdFormatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("told")
    logger.addHandler(handler)
    try:
        client.get("/", headers={"x-request-id": "req_1"})
        logger.warning("idle")
    finally:
        logger.removeHandler(handler)
    assert lines.getvalue() == "WARNING work is done [req_1]\nWARNING idle\n"
