"""Ephemeral secrets against the real server: made by OpenAI's client, used by pages of every origin."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from sottovoce.gateway.keys import KEYS_FILE, KeyStore
from tests.contract.gateway_server import BEARER, KEY, Gateway, running

EVIL = "https://evil.example"
URL = "/v1/realtime/client_secrets"


@dataclass
class Clock:
    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def gateway(tmp_path: Path, clock: Clock) -> AsyncIterator[Gateway]:
    async with running(tmp_path, now=clock) as served:
        yield served


async def mint(gateway: Gateway, key: str = KEY, **body: Any) -> dict[str, Any]:
    reply = await gateway.client.post(URL, json=body, headers={"authorization": f"Bearer {key}"})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def subprotocols(key: str) -> list[Subprotocol]:
    return [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{key}")]


async def refusal(gateway: Gateway, **how: Any) -> tuple[int, str]:
    """Status and code of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{gateway.host}/v1/realtime", proxy=None, **how):
            raise AssertionError("it was let in")
    reply = refused.value.response
    return reply.status_code, json.loads(reply.body or b"")["error"]["code"]


async def first_event(connection: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(await connection.recv()))


async def test_openais_client_makes_one_and_the_reply_is_whole(gateway: Gateway) -> None:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY) as client:
        made = await client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={
                "type": "realtime",
                "instructions": "Be brief.",
                "audio": {"output": {"voice": "marin"}},
            },
        )
    assert made.value.startswith("ek_")
    assert 55 <= made.expires_at - time.time() <= 60
    session = made.session
    assert session.type == "realtime"
    assert (session.object, session.instructions) == ("realtime.session", "Be brief.")
    assert session.id is not None
    assert session.id.startswith("sess_")
    assert session.audio is not None
    assert session.audio.output is not None
    assert session.audio.output.voice == "marin"
    assert session.audio.input is not None
    assert session.audio.input.turn_detection is not None  # the server's own defaults are filled in


@pytest.mark.parametrize("body", [b"", b"{}", b'{"session": null, "expires_after": null}'])
async def test_everything_has_a_default(gateway: Gateway, body: bytes) -> None:
    reply = await gateway.client.post(URL, content=body, headers=BEARER)
    made = reply.json()
    assert set(made) == {"value", "expires_at", "session"}
    assert 595 <= made["expires_at"] - time.time() <= 600
    assert (made["session"]["type"], made["session"]["object"]) == ("realtime", "realtime.session")


async def test_a_session_that_only_listens_is_shown_as_one(gateway: Gateway) -> None:
    made = await mint(gateway, session={"type": "transcription"})
    assert made["session"]["object"] == "realtime.transcription_session"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"expires_after": {"seconds": 9}}, "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, "expires_after.seconds"),
        ({"expires_after": {"seconds": "600"}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "last_used"}}, "expires_after.anchor"),
        ({"expires_after": 600}, "expires_after"),
        ({"session": {}}, "session.type"),
        ({"session": {"type": "realtime", "colour": "red"}}, "session.colour"),
        ({"session": {"type": "realtime", "audio": {"output": {"speed": 9}}}}, "session.audio.output.speed"),
        (
            {"session": {"type": "realtime", "audio": {"output": {"voice": "nobody"}}}},
            "session.audio.output.voice",
        ),
        ({"session": "realtime"}, "session"),
        ({"ttl": 600}, "ttl"),
    ],
)
async def test_what_cannot_be_had_is_refused_by_name(
    gateway: Gateway, body: dict[str, object], param: str
) -> None:
    reply = await gateway.client.post(URL, json=body, headers=BEARER)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"[]", 400), (b"{", 400), (b"[" * 100_000, 400), (b'{"session": "' + b"x" * 140_000, 413)],
)
async def test_a_body_that_is_none_costs_nothing(gateway: Gateway, body: bytes, status: int) -> None:
    reply = await gateway.client.post(URL, content=body, headers=BEARER)
    assert reply.status_code == status
    assert reply.json()["error"]["type"] == "invalid_request_error"


async def test_numbers_that_json_does_not_know_break_nothing(gateway: Gateway) -> None:
    tool = b'{"type": "function", "name": "a", "parameters": {"x": NaN}}'
    body = b'{"session": {"type": "realtime", "tools": [' + tool + b"]}}"
    reply = await gateway.client.post(URL, content=body, headers=BEARER)
    assert reply.status_code in (200, 400)
    json.loads(reply.text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


async def test_a_secret_serves_many_connections_each_with_its_session(gateway: Gateway) -> None:
    made = await mint(gateway, session={"type": "realtime", "instructions": "Be brief."})
    for how in (
        {"subprotocols": subprotocols(made["value"])},
        {"additional_headers": {"authorization": f"Bearer {made['value']}"}},
    ):
        async with connect(f"ws://{gateway.host}/v1/realtime?model=any", proxy=None, **how) as connection:
            created = await first_event(connection)
            assert created["type"] == "session.created"
            assert created["session"]["instructions"] == "Be brief."
            update = {"type": "session.update", "session": {"type": "realtime", "instructions": "Be long."}}
            await connection.send(json.dumps(update))
            updated = await first_event(connection)
            assert updated["session"]["instructions"] == "Be long."


async def test_a_page_of_any_origin_gets_in_with_a_secret_and_with_nothing_else(gateway: Gateway) -> None:
    value = (await mint(gateway))["value"]
    await gateway.client.get("/")
    cookie = "; ".join(f"{name}={token}" for name, token in gateway.client.cookies.items())
    async with connect(
        f"ws://{gateway.host}/v1/realtime", origin=EVIL, subprotocols=subprotocols(value), proxy=None
    ) as connection:
        assert connection.subprotocol == "realtime"
        assert (await first_event(connection))["type"] == "session.created"
    # a page on another port of this machine: its handshake carries our page's cookie, strict or not
    near = {"origin": "http://localhost:3000", "additional_headers": {"cookie": cookie}}
    for how, refused in [
        ({"subprotocols": subprotocols("ek_wrong")}, (401, "invalid_api_key")),
        ({"subprotocols": subprotocols(KEY)}, (403, "origin_not_allowed")),
        ({}, (403, "origin_not_allowed")),
    ]:
        assert await refusal(gateway, **near, **how) == refused
        assert await refusal(gateway, origin=EVIL, **how) == refused
    assert len(gateway.sessions) == 1


async def test_a_secret_may_neither_mint_nor_leave_realtime(gateway: Gateway) -> None:
    bearer = {"authorization": f"Bearer {(await mint(gateway))['value']}"}
    for method, path in [
        ("POST", URL),
        ("GET", "/v1/models"),
        ("POST", "/v1/audio/speech"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/api/status"),
        ("GET", "/api/keys"),
    ]:
        reply = await gateway.client.request(method, path, headers=bearer)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "insufficient_scope")


async def test_an_expired_secret_is_told_so_before_the_handshake(gateway: Gateway, clock: Clock) -> None:
    value = (await mint(gateway, expires_after={"anchor": "created_at", "seconds": 10}))["value"]
    clock.ahead = 11
    for how in (
        {"subprotocols": subprotocols(value)},
        {"additional_headers": {"authorization": f"Bearer {value}"}, "origin": EVIL},
    ):
        assert await refusal(gateway, **how) == (401, "client_secret_expired")
    reply = await gateway.client.post(
        "/v1/realtime/calls", headers={"authorization": f"Bearer {value}", "origin": EVIL}
    )
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "client_secret_expired")
    assert reply.headers["access-control-allow-origin"] == "*"


async def test_secrets_end_with_the_key_that_made_them(gateway: Gateway, tmp_path: Path) -> None:
    store = KeyStore(tmp_path / KEYS_FILE)
    _, key = store.create("backend", ("realtime",))
    value = (await mint(gateway, key))["value"]
    store.revoke("backend")
    assert await refusal(gateway, subprotocols=subprotocols(value)) == (401, "invalid_api_key")


async def test_a_key_without_realtime_makes_none(gateway: Gateway, tmp_path: Path) -> None:
    _, key = KeyStore(tmp_path / KEYS_FILE).create("ears", ("audio", "admin"))
    reply = await gateway.client.post(URL, headers={"authorization": f"Bearer {key}"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "insufficient_scope")


async def test_secrets_get_into_no_log(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        value = (await mint(gateway))["value"]
        async with connect(
            f"ws://{gateway.host}/v1/realtime", subprotocols=subprotocols(value), proxy=None
        ) as connection:
            await first_event(connection)
    own = [record.getMessage() for record in caplog.records if record.name.startswith("sottovoce")]
    assert not [message for message in own if value in message or KEY in message]


@pytest.mark.parametrize("path", ["/v1/realtime/sessions", "/v1/realtime/transcription_sessions"])
async def test_the_beta_s_endpoints_are_not_there(gateway: Gateway, path: str) -> None:
    reply = await gateway.client.post(path, json={}, headers=BEARER)
    assert reply.status_code == 404
    assert path in reply.json()["error"]["message"]
