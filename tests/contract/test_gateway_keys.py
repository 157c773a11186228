"""Keys with scopes against the real server: who may do what, and what a change in the file means to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import openai
import pytest
from starlette.routing import Mount
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Close

from sottovoce.gateway import revocation
from sottovoce.gateway.keys import KEYS_FILE, KeyStore
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.gateway.principal import Scope, scope_of
from tests.contract.caller import CALLS, Caller, all_free
from tests.contract.gateway_server import BEARER, Gateway, running

SPEECH = {"input": "hello", "model": "tts", "voice": "alloy"}
CHAT = {"model": "llm", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path) as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    """As another process would open it."""
    return KeyStore(tmp_path / KEYS_FILE)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def status_of(gateway: Gateway, key: str, path: str) -> int:
    """The HTTP status of using `path` with `key`."""
    if path == "/v1/realtime":
        try:
            async with connect(f"ws://{gateway.host}{path}", additional_headers=bearer(key), proxy=None):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code
    body = {"/v1/audio/speech": SPEECH, "/v1/chat/completions": CHAT}.get(path)
    method = "GET" if body is None else "POST"
    return (await gateway.client.request(method, path, json=body, headers=bearer(key))).status_code


@pytest.mark.parametrize("scope", ["realtime", "audio", "chat", "admin"])
async def test_a_key_opens_what_its_scope_names_and_the_models(
    gateway: Gateway, store: KeyStore, scope: Scope
) -> None:
    _, key = store.create("one", (scope,))
    opened = {
        "/v1/realtime": "realtime",
        "/v1/audio/speech": "audio",
        "/v1/chat/completions": "chat",
        "/api/keys": "admin",
    }
    for path, needed in opened.items():
        good = 101 if path == "/v1/realtime" else 200
        assert await status_of(gateway, key, path) == (good if needed == scope else 403), path
    for path in ("/v1/models", "/api/status"):
        assert await status_of(gateway, key, path) == 200
    assert await status_of(gateway, key, "/v1/nothing") == 404


async def test_openais_client_is_told_what_its_key_lacks(gateway: Gateway, store: KeyStore) -> None:
    _, key = store.create("ears", ("audio",))
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=key) as client:
        with pytest.raises(openai.PermissionDeniedError) as refused:
            await client.chat.completions.create(model="llm", messages=[{"role": "user", "content": "hello"}])
        assert (refused.value.code, refused.value.type) == ("insufficient_scope", "invalid_request_error")
        with pytest.raises(InvalidStatus) as handshake:
            async with client.realtime.connect(model="sottovoce"):
                raise AssertionError("it was let in")
    assert handshake.value.response.status_code == 403
    assert b"insufficient_scope" in (handshake.value.response.body or b"")
    assert gateway.sessions == []


async def test_a_running_server_notices_creation_and_revocation(gateway: Gateway, store: KeyStore) -> None:
    _, key = store.create("laptop", ("audio",))
    assert await status_of(gateway, key, "/v1/audio/speech") == 200
    store.revoke("laptop")
    for path in ("/v1/audio/speech", "/v1/models", "/api/status", "/v1/realtime"):
        assert await status_of(gateway, key, path) == 401


async def test_a_conversation_ends_with_its_key(
    gateway: Gateway, store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three that talk, by the key, by a secret made with it and by another key, two are ended."""
    monkeypatch.setattr(revocation, "INTERVAL", 0.02)
    _, key = store.create("laptop", ("realtime",))
    minted = await gateway.client.post("/v1/realtime/client_secrets", headers=bearer(key))
    url = f"ws://{gateway.host}/v1/realtime"
    async with (
        connect(url, additional_headers=bearer(key), proxy=None) as by_key,
        connect(url, additional_headers=bearer(minted.json()["value"]), proxy=None) as by_secret,
        connect(url, additional_headers=BEARER, proxy=None) as other,
    ):
        for connection in (by_key, by_secret, other):
            assert "session.created" in str(await connection.recv())
        store.revoke("laptop")
        for connection in (by_key, by_secret):
            with pytest.raises(ConnectionClosedError) as closed:
                await connection.recv()
            assert closed.value.rcvd == Close(1008, "The API key was revoked.")
        await other.send('{"type": "input_audio_buffer.clear"}')
        assert "input_audio_buffer.cleared" in str(await other.recv())


async def test_a_call_from_another_site_ends_with_the_key_of_its_secret(
    gateway: Gateway, store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "INTERVAL", 0.02)
    _, key = store.create("laptop", ("realtime",))
    body = {"session": {"type": "realtime", "instructions": "Be brief."}}
    secret = (await gateway.client.post("/v1/realtime/client_secrets", json=body, headers=bearer(key))).json()
    caller = Caller(gateway)
    foreign = {"origin": "https://evil.example", "content-type": "application/sdp"}
    reply = await gateway.client.post(
        CALLS, content=await caller.offer(), headers={**foreign, **bearer(secret["value"])}
    )
    assert reply.status_code == 201
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "location" in reply.headers["access-control-expose-headers"].lower()
    await caller.hear_answer(reply.text, reply.headers["location"])
    created = await caller.expect("session.created")
    assert created["session"]["instructions"] == "Be brief."
    store.revoke("laptop")
    async with asyncio.timeout(10):
        await caller.is_closed.wait()
    await caller.peer.close()
    await all_free(gateway)


async def test_keys_over_http_are_for_admins(gateway: Gateway, store: KeyStore) -> None:
    body = {"name": "kitchen", "scopes": ["realtime", "audio"]}
    made = await gateway.client.post("/api/keys", json=body, headers=BEARER)
    assert made.status_code == 201
    value = made.json()["value"]
    assert await status_of(gateway, value, "/v1/audio/speech") == 200
    listed = (await gateway.client.get("/api/keys", headers=BEARER)).json()
    (key,) = listed["data"]
    assert {**key, "value": value} == made.json()
    assert (key["name"], key["scopes"], key["hint"]) == ("kitchen", ["realtime", "audio"], value[-4:])
    assert (await gateway.client.get("/api/keys", headers=bearer(value))).status_code == 403
    gone = await gateway.client.delete(f"/api/keys/{key['id']}", headers=BEARER)
    assert gone.json() == {"object": "api_key.deleted", "id": key["id"], "deleted": True}
    assert store.all() == []
    assert (await gateway.client.delete(f"/api/keys/{key['id']}", headers=BEARER)).status_code == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"scopes": ["audio"]}, "name"),
        ({"name": "", "scopes": ["audio"]}, "name"),
        ({"name": "a", "scopes": []}, "scopes"),
        ({"name": "a", "scopes": ["root"]}, "scopes.0"),
        ({"name": "a", "scopes": ["audio"], "expires": 1}, "expires"),
    ],
)
async def test_a_key_that_cannot_be_made_is_refused_by_name(
    gateway: Gateway, body: dict[str, object], param: str
) -> None:
    reply = await gateway.client.post("/api/keys", json=body, headers=BEARER)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


async def test_the_page_uses_the_server_but_does_not_look_after_it(gateway: Gateway) -> None:
    await gateway.client.get("/")
    own = {"sec-fetch-site": "same-origin"}
    assert (await gateway.client.get("/api/status", headers=own)).status_code == 200
    refused = await gateway.client.get("/api/keys", headers=own)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_scope")


async def test_guessing_is_slow_and_soon_refused(tmp_path: Path) -> None:
    async with running(tmp_path, GatewayLimits(wrong_key_hold=30)) as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as guesser:
            with pytest.raises(httpx.ReadTimeout):
                await guesser.get("/v1/models", headers=bearer("sk-wrong"), timeout=0.1)
        assert await status_of(gateway, BEARER["authorization"].removeprefix("Bearer "), "/v1/models") == 200


async def test_every_route_belongs_to_a_family_with_a_scope(gateway: Gateway) -> None:
    """A route under `/v1` that no family names is open to every key: that has to be meant."""
    open_to_every_key = set()
    for mount in gateway.app.routes:
        if isinstance(mount, Mount) and mount.path in ("/v1", "/api"):
            for route in mount.routes:
                path = mount.path + str(getattr(route, "path", ""))
                if scope_of(path) is None:
                    open_to_every_key.add(path)
    refusal_of_websockets = "/v1/{path:path}"
    assert open_to_every_key == {
        *("/v1/models", "/v1/models/{model:path}", "/api/status"),
        refusal_of_websockets,
    }
