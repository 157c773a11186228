"""LiveKit's token endpoint: who is given a token, how often, and what is said to everybody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from starlette.types import ASGIApp, Message

from sottovoce.gateway.keys import KEYS_FILE, KeyStore
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.gateway.routes.connection_details import MAX_TOKEN_REQUEST_BYTES
from sottovoce.livekit.access import LiveKitAccess, LiveKitStatus, RemoteLiveKit
from tests.contract.gateway_server import BEARER, Gateway, running

PATH = "/api/connection-details"
SECRET = "a-secret-of-the-tests-that-is-long-enough"
LISTED = "https://app.example"
PATIENT = GatewayLimits(wrong_key_hold=0, token_burst=100_000)


class Here:
    """A LiveKit server that nobody connects to."""

    def __init__(self, server_url: str | None = None) -> None:
        self.access = LiveKitAccess("ws://127.0.0.1:9", "APIkey", SECRET, server_url)
        self.reason: str | None = None

    def status(self) -> LiveKitStatus:
        return LiveKitStatus(self.reason is None, self.reason)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, PATIENT, rooms=Here(), allowed_origins=(LISTED,)) as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / KEYS_FILE)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def ask(gateway: Gateway, body: Any = None, **options: Any) -> httpx.Response:
    return await gateway.client.post(
        PATH, **{"headers": BEARER, "json": {} if body is None else body, **options}
    )


def error_of(reply: httpx.Response) -> tuple[int, str]:
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return reply.status_code, error["code"]


async def test_the_reply_has_livekits_names_and_local_voice_ais(gateway: Gateway) -> None:
    reply = await ask(gateway, {"room_name": "kitchen", "participant_name": "Ann"})
    assert reply.status_code == 201
    assert (reply.headers["content-type"], reply.headers["cache-control"]) == ("application/json", "no-store")
    said = reply.json()
    assert set(said) == {
        *("server_url", "participant_token"),
        *("serverUrl", "roomName", "participantName", "participantToken"),
    }
    assert said["server_url"] == said["serverUrl"] == f"ws://{gateway.host}"
    assert said["participant_token"] == said["participantToken"]
    assert (said["roomName"], said["participantName"]) == ("kitchen", "Ann")
    claims = jwt.decode(said["participant_token"], SECRET, algorithms=["HS256"], issuer="APIkey")
    assert claims["video"]["room"] == "kitchen"


@pytest.mark.parametrize("content", [b"{}", b"", b" {} ", b'{"room_config": null}'])
async def test_nothing_has_to_be_asked_for(gateway: Gateway, content: bytes) -> None:
    reply = await ask(gateway, json=None, content=content)
    assert reply.status_code == 201
    assert reply.json()["roomName"].startswith("room-")


async def test_what_stock_front_ends_send(gateway: Gateway) -> None:
    for body in (
        {"room_config": {"agents": [{"agent_name": "sottovoce"}]}},
        {"roomConfig": {"agents": [{"agentName": "sottovoce"}]}},
        {"room_name": "r", "participant_identity": "i", "participant_attributes": {"a": "1"}},
    ):
        assert (await ask(gateway, body)).status_code == 201


async def straight(app: ASGIApp) -> dict[str, Any]:
    """The token of a request that takes no socket: its claims."""
    sent: list[Message] = []
    headers = [(b"host", b"localhost"), *((name.encode(), value.encode()) for name, value in BEARER.items())]
    scope = {
        **{"type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "root_path": ""},
        **{"scheme": "http", "http_version": "1.1", "query_string": b"", "headers": headers},
        **{"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "state": {}, "asgi": {"version": "3.0"}},
    }

    async def receive() -> Message:
        await asyncio.sleep(0)  # all of them are under way by now
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 201
    token = json.loads(b"".join(message.get("body", b"") for message in sent))["participant_token"]
    claims: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"])
    return claims


async def test_thousands_at_once_never_meet(gateway: Gateway) -> None:
    tokens = await asyncio.gather(*(straight(gateway.app) for _ in range(3000)))
    assert (
        len({token["video"]["room"] for token in tokens}) == len({token["sub"] for token in tokens}) == 3000
    )


# -- who


async def test_without_a_key_there_is_none(gateway: Gateway) -> None:
    assert error_of(await ask(gateway, headers={})) == (401, "invalid_api_key")
    assert error_of(await ask(gateway, headers=bearer("sk-wrong"))) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("scope", "status"), [("realtime", 201), ("audio", 403), ("chat", 403), ("admin", 403)]
)
async def test_the_scope_of_conversations_is_enough(
    gateway: Gateway, store: KeyStore, scope: Any, status: int
) -> None:
    made, key = store.create("one", (scope,))
    assert (await ask(gateway, headers=bearer(key))).status_code == status
    store.revoke(made.id)
    assert (await ask(gateway, headers=bearer(key))).status_code == 401


async def test_a_client_secret_is_for_sessions_of_its_own(gateway: Gateway) -> None:
    made = await gateway.client.post("/v1/realtime/client_secrets", headers=BEARER, json={})
    refused = await ask(gateway, headers=bearer(made.json()["value"]))
    assert error_of(refused) == (403, "insufficient_scope")
    assert "API key" in refused.json()["error"]["message"]


async def test_the_page_needs_no_key(gateway: Gateway) -> None:
    await gateway.client.get("/")  # gives the cookie
    for own in ({"sec-fetch-site": "same-origin"}, {"origin": gateway.url}):
        assert (await ask(gateway, headers=own)).status_code == 201
    assert error_of(await ask(gateway, headers={})) == (401, "invalid_api_key")  # a program with the cookie


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_other_pages_get_none_even_with_the_cookie(gateway: Gateway, headers: dict[str, str]) -> None:
    await gateway.client.get("/")
    refused = await ask(gateway, headers=headers)
    assert error_of(refused) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in refused.headers


async def test_another_name_for_the_server_is_refused(gateway: Gateway) -> None:
    reply = await ask(gateway, headers={**BEARER, "host": "rebound.example"})
    assert error_of(reply) == (403, "host_not_allowed")


async def test_listed_pages_may_ask_with_a_key(gateway: Gateway) -> None:
    asking = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    preflight = await gateway.client.options(PATH, headers={"origin": LISTED, **asking})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, LISTED)
    reply = await ask(gateway, headers={**BEARER, "origin": LISTED})
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (201, LISTED)
    others = await gateway.client.options(PATH, headers={"origin": "https://evil.example", **asking})
    assert error_of(others) == (400, "origin_not_allowed")
    await gateway.client.get("/")
    assert (await ask(gateway, headers={"origin": LISTED})).status_code == 401  # the cookie is the page's own


# -- what


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (b"nonsense", None),
        (b"[]", None),
        (b'{"room_name": 1}', "room_name"),
        (b'{"room_config": {"egress": {"room": {}}}}', "room_config.egress"),
        (b'{"room_config": {"agents": [{"agent_name": "theirs"}]}}', "room_config.agents.0.agent_name"),
        (b'{"room_config": {"agents": [{"metadata": "x"}]}}', "room_config.agents.0.metadata"),
        (b'{"participant_attributes": {"lk.agent.state": "x"}}', "participant_attributes"),
        (b"[" * 60_000, None),
        (b'{"room_name": ' + b"9" * 60_000 + b"}", None),
        (b'{"room_name": "\xff"}', None),
    ],
)
async def test_malformed_requests_are_refused_by_name(
    gateway: Gateway, content: bytes, param: str | None
) -> None:
    reply = await ask(gateway, json=None, content=content)
    assert error_of(reply)[0] == 400
    assert reply.json()["error"]["param"] == param


async def test_the_session_is_one_that_could_be_held(gateway: Gateway) -> None:
    def agents(**session: Any) -> dict[str, Any]:
        metadata = json.dumps({"session": {"type": "realtime", **session}})
        return {"room_config": {"agents": [{"metadata": metadata}]}}

    for session in ({"instructions": "Be brief."}, {"audio": {"output": {"voice": "alloy"}}}):
        assert (await ask(gateway, agents(**session))).status_code == 201
    nobody = await ask(gateway, agents(audio={"output": {"voice": "nobody"}}))
    assert error_of(nobody)[0] == 400
    where = "room_config.agents.0.metadata.session.audio.output.voice"
    assert nobody.json()["error"]["param"] == where
    choice = await ask(gateway, agents(tool_choice={"type": "function", "name": "dig"}))
    assert choice.json()["error"]["param"] == "room_config.agents.0.metadata.session.tool_choice"


async def test_too_much_is_refused_while_it_comes(gateway: Gateway) -> None:
    large = b'{"participant_metadata": "' + b"x" * MAX_TOKEN_REQUEST_BYTES + b'"}'
    assert error_of(await ask(gateway, json=None, content=large)) == (413, "request_too_large")

    async def dripping() -> AsyncIterator[bytes]:
        yield large

    assert error_of(await ask(gateway, json=None, content=dripping()))[0] == 413
    plain = await ask(gateway, json=None, content=b"{}", headers={**BEARER, "content-type": "text/plain"})
    assert error_of(plain) == (400, "unsupported_content_type")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_it_is_asked_by_post_alone(gateway: Gateway, method: str) -> None:
    reply = await gateway.client.request(method, PATH, headers=BEARER)
    assert error_of(reply) == (405, "method_not_allowed")
    assert reply.headers["allow"] == "POST"


# -- how often


async def test_a_flood_is_refused_and_the_others_are_served(tmp_path: Path) -> None:
    limits = GatewayLimits(wrong_key_hold=0, token_burst=5, token_interval=1000.0)
    async with running(tmp_path, limits, rooms=Here()) as gateway:
        _, key = KeyStore(tmp_path / KEYS_FILE).create("another", ("realtime",))
        replies = await asyncio.gather(*(ask(gateway) for _ in range(100)))
        assert sorted(reply.status_code for reply in replies) == [201] * 5 + [429] * 95
        refused = next(reply for reply in replies if reply.status_code == 429)
        assert error_of(refused) == (429, "rate_limit_exceeded")
        assert 0 < int(refused.headers["retry-after"]) <= 1000
        assert (await ask(gateway, headers=bearer(key))).status_code == 201
        await gateway.client.get("/")
        assert (await ask(gateway, headers={"origin": gateway.url})).status_code == 201


async def test_malformed_requests_count_too(tmp_path: Path) -> None:
    limits = GatewayLimits(wrong_key_hold=0, token_burst=2, token_interval=1000.0)
    async with running(tmp_path, limits, rooms=Here()) as gateway:
        found = [(await ask(gateway, {"room_name": 1})).status_code for _ in range(3)]
    assert found == [400, 400, 429]


# -- where


async def test_without_livekit_the_cure_is_named(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        reply = await ask(gateway)
        assert error_of(reply) == (404, "livekit_off")
        for cure in ("serve --livekit", "LIVEKIT_URL"):
            assert cure in reply.json()["error"]["message"]
        assert (await gateway.client.get("/rtc/validate")).status_code == 404
        page = await gateway.client.get("/", headers=BEARER)
        assert "connect-src" not in page.headers["content-security-policy"]


async def test_while_livekit_starts_one_is_told_to_come_back(tmp_path: Path) -> None:
    livekit = Here()
    async with running(tmp_path, PATIENT, rooms=livekit) as gateway:
        livekit.reason = "the worker is not ready: not registered yet"
        reply = await ask(gateway)
        assert error_of(reply) == (503, "livekit_unavailable")
        assert reply.json()["error"]["message"] == (
            "LiveKit is not ready: the worker is not ready: not registered yet. Try again in a moment."
        )
        assert reply.headers["retry-after"] == "2"
        livekit.reason = None
        assert (await ask(gateway)).status_code == 201


async def test_a_livekit_of_ones_own_is_named_as_it_is(tmp_path: Path) -> None:
    remote = RemoteLiveKit(LiveKitAccess("ws://10.0.0.7:7880", "APIkey", SECRET, "wss://rooms.example"))
    async with running(tmp_path, PATIENT, rooms=remote) as gateway:
        assert (await ask(gateway)).json()["server_url"] == "wss://rooms.example"


async def test_the_address_is_the_one_that_the_caller_used(tmp_path: Path) -> None:
    named = {**BEARER, "host": "voice.example"}
    for is_behind_proxy, proto, scheme in (
        (True, "https", "wss"),
        (True, "http", "ws"),
        (False, "https", "ws"),
    ):
        async with running(
            tmp_path / f"{scheme}-{proto}",
            PATIENT,
            rooms=Here(),
            behind_proxy=is_behind_proxy,
            allowed_hosts=("voice.example",),
        ) as gateway:
            reply = await ask(gateway, headers={**named, "x-forwarded-proto": proto})
            assert reply.json()["server_url"] == f"{scheme}://voice.example"


async def test_no_log_holds_a_token(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token = (await ask(gateway)).json()["participant_token"]
    await gateway.client.get("/rtc/validate", params={"access_token": token})
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert not [record for record in ours if token in record.getMessage() or SECRET in record.getMessage()]
