"""Faults become OpenAI's error form whatever raised them, and validation is 400, never 422."""

from __future__ import annotations

import logging

import pytest
from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from sottovoce.errors import EngineTimeout, LimitExceededError
from sottovoce.http.body import read_json
from sottovoce.http.errors import EXCEPTION_HANDLERS


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    voice: str
    speed: float = 1.0


async def order(request: Request) -> Response:
    return JSONResponse((await read_json(request, Order)).model_dump())


async def busy(request: Request) -> Response:
    raise LimitExceededError("Too many.", retry_after=7)


async def slow(request: Request) -> Response:
    raise EngineTimeout("Too slow.", engine="llm")


async def broken(request: Request) -> Response:
    raise RuntimeError("sk-a-secret")


@pytest.fixture
def client() -> TestClient:
    routes = [
        Route("/order", order, methods=["POST"]),
        Route("/busy", busy),
        Route("/slow", slow),
        Route("/broken", broken),
    ]
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ("{}", "voice", "missing_required_parameter"),
        ('{"voice": "a", "speed": "fast"}', "speed", "invalid_value"),
        ('{"voice": "a", "pitch": 1}', "pitch", "unknown_parameter"),
        ('{"voice": "a", "' + "p" * 999 + '": 1}', "p" * 200, "unknown_parameter"),
        ('{"voice": ', None, "invalid_value"),
        ("", None, "invalid_value"),
        ("[" * 100_000, None, "invalid_value"),
        ('{"voice": "a", "speed": ' + "9" * 5000 + "}", None, "invalid_value"),
        (b"\xff\xfe", None, "invalid_value"),
    ],
)
def test_a_bad_body_is_400_and_names_the_field(
    client: TestClient, body: str | bytes, param: str | None, code: str
) -> None:
    reply = client.post("/order", content=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param
    assert reply.json()["error"]["code"] == code
    assert reply.json()["error"]["message"]


def test_a_good_body_is_read(client: TestClient) -> None:
    assert client.post("/order", content='{"voice": "a"}').json() == {"voice": "a", "speed": 1.0}


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "text/x+JSON"])
def test_a_body_may_say_that_it_is_json(client: TestClient, media_type: str) -> None:
    reply = client.post("/order", content='{"voice": "a"}', headers={"content-type": media_type})
    assert reply.status_code == 200


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_body_that_says_to_be_something_else_is_refused_as_openai_does(
    client: TestClient, media_type: str
) -> None:
    reply = client.post("/order", content='{"voice": "a"}', headers={"content-type": media_type})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unsupported_content_type")


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "gzip, identity"])
def test_a_compressed_body_is_refused(client: TestClient, encoding: str) -> None:
    reply = client.post("/order", content='{"voice": "a"}', headers={"content-encoding": encoding})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unsupported_content_encoding")


@pytest.mark.parametrize("encoding", ["identity", "Identity"])
def test_a_body_may_say_that_it_is_not_compressed(client: TestClient, encoding: str) -> None:
    headers = {"content-encoding": encoding}
    assert client.post("/order", content='{"voice": "a"}', headers=headers).status_code == 200


def test_a_limit_says_when_to_come_back(client: TestClient) -> None:
    reply = client.get("/busy")
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")


def test_an_engine_s_fault_is_503(client: TestClient) -> None:
    assert client.get("/slow").status_code == 503
    assert client.get("/slow").json()["error"]["code"] == "engine_timeout"


def test_unknown_routes_and_methods_have_the_same_form(client: TestClient) -> None:
    assert client.get("/nowhere").json()["error"]["code"] == "not_found"
    refused = client.get("/order")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert refused.json()["error"]["code"] == "method_not_allowed"


def test_an_unexpected_error_is_logged_and_not_told(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        reply = client.get("/broken")
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "internal_error"
    assert "sk-a-secret" not in reply.text
    assert any(record.exc_info for record in caplog.records)
