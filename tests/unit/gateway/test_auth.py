"""Whose key or cookie it is, and what that one may do."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from sottovoce.errors import AuthError
from sottovoce.gateway.attempts import Attempts
from sottovoce.gateway.auth import PAGE, PRINCIPAL, SERVER_KEY, Callers, Credentials, RequireCredentials
from sottovoce.gateway.given_key import given_key
from sottovoce.gateway.guard import PROVENANCE, Provenance
from sottovoce.gateway.keys import KeyStore
from sottovoce.gateway.page_cookie import PageCookie
from sottovoce.gateway.page_pass import PagePasses
from sottovoce.gateway.principal import SCOPES, Principal
from sottovoce.realtime.opening import SESSION
from sottovoce.realtime.session_config import read_session


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys.sqlite3")


@pytest.fixture
def credentials(store: KeyStore) -> Credentials:
    cookie = PageCookie(PagePasses("sk-right"), is_behind_proxy=False, token="token")
    return Credentials("sk-right", store, cookie)


def connection(provenance: Provenance, **headers: str) -> HTTPConnection:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": "POST", "headers": raw, "server": ("127.0.0.1", 8080)}
    return HTTPConnection(scope | {PROVENANCE: provenance})


# -- whose it is


@pytest.mark.parametrize("authorization", ["Bearer sk-right", "bearer  sk-right"])
def test_a_key_is_read_from_the_header(authorization: str) -> None:
    assert given_key(connection(Provenance.PROGRAM, authorization=authorization)) == "sk-right"


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic sk-right", "sk-right"])
def test_anything_else_in_the_header_is_no_key(authorization: str) -> None:
    assert given_key(connection(Provenance.PROGRAM, authorization=authorization)) is None


def test_browsers_send_the_key_as_a_subprotocol() -> None:
    given = connection(Provenance.OWN_PAGE)
    given.scope["subprotocols"] = ["realtime", "openai-insecure-api-key.sk-right"]
    assert given_key(given) == "sk-right"
    given.scope["subprotocols"] = ["realtime", "openai-insecure-api-key."]
    assert given_key(given) is None


async def test_the_servers_own_key_opens_everything(credentials: Credentials) -> None:
    assert await credentials.principal_of("sk-right") is SERVER_KEY
    assert frozenset(SCOPES) == SERVER_KEY.scopes


async def test_a_named_key_opens_its_scopes(credentials: Credentials, store: KeyStore) -> None:
    key, secret = await asyncio.to_thread(store.create, "laptop", ("audio", "chat"))
    assert await credentials.principal_of(secret) == Principal(
        key.id, "key", frozenset({"audio", "chat"}), key_id=key.id
    )
    await asyncio.to_thread(store.revoke, "laptop")
    with pytest.raises(AuthError):
        await credentials.principal_of(secret)


@pytest.mark.parametrize("given", ["sk-wrong", "sk-righ", "sk-rightt", "\xff", "token"])
async def test_a_wrong_key_opens_nothing(credentials: Credentials, given: str) -> None:
    with pytest.raises(AuthError) as caught:
        await credentials.principal_of(given)
    assert caught.value.code == "invalid_api_key"
    assert "sk-right" not in caught.value.message


async def test_the_cookie_opens_for_the_page_alone(credentials: Credentials) -> None:
    cookie = "sottovoce_page_8080=token"
    assert await credentials.page_of(connection(Provenance.OWN_PAGE, cookie=cookie)) is PAGE
    for provenance in (Provenance.PROGRAM, Provenance.LISTED_PAGE, Provenance.UNPROVEN):
        with pytest.raises(AuthError):
            await credentials.page_of(connection(provenance, cookie=cookie))


@pytest.mark.parametrize(
    "cookie",
    [
        "sottovoce_page_8080=old",
        "sottovoce_page_8081=token",
        "other=token",
        "sottovoce_page_8080=",
        "",
        "a.b.c",
    ],
)
async def test_another_servers_cookie_does_not(credentials: Credentials, cookie: str) -> None:
    with pytest.raises(AuthError):
        await credentials.page_of(connection(Provenance.OWN_PAGE, cookie=cookie))


async def test_a_pass_is_worth_what_its_key_is(credentials: Credentials, store: KeyStore) -> None:
    key, _ = await asyncio.to_thread(store.create, "phone", ("realtime", "admin"))
    passes = credentials.cookie.passes
    given = connection(Provenance.OWN_PAGE, cookie=f"sottovoce_page_8080={passes.issue(key.id)}")
    principal = await credentials.page_of(given)
    expected = Principal("page", "page", frozenset({"realtime"}), key_id=key.id, is_owner=True)  # no admin
    assert principal == expected
    await asyncio.to_thread(store.revoke, "phone")
    with pytest.raises(AuthError):
        await credentials.page_of(given)
    of_server = connection(Provenance.OWN_PAGE, cookie=f"sottovoce_page_8080={passes.issue('server')}")
    assert await credentials.page_of(of_server) is PAGE


def test_secrets_stay_out_of_representations(credentials: Credentials) -> None:
    assert "sk-right" not in repr(credentials)
    assert "'token'" not in repr(credentials)


async def test_a_secret_is_worth_what_its_key_is(credentials: Credentials, store: KeyStore) -> None:
    key, _ = await asyncio.to_thread(store.create, "laptop", ("realtime",))
    of_key, _ = credentials.secrets.mint(key.principal, 600, None)
    of_server, _ = credentials.secrets.mint(SERVER_KEY, 600, None)
    assert (await credentials.holder_of(of_key)).kind == "secret"
    await asyncio.to_thread(store.revoke, "laptop")
    with pytest.raises(AuthError, match="revoked"):
        await credentials.holder_of(of_key)
    assert (await credentials.holder_of(of_server)).scopes == {"realtime"}


# -- the middleware


async def tell_principal(scope: Scope, receive: Receive, send: Send) -> None:
    reply = PlainTextResponse(scope[PRINCIPAL].id if PRINCIPAL in scope else "nobody")
    await reply(scope, receive, send)


@pytest.fixture
def client(credentials: Credentials) -> TestClient:
    app = RequireCredentials(tell_principal, Callers(credentials, Attempts(hold=0), is_behind_proxy=False))

    async def proven(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, PROVENANCE: Provenance.OWN_PAGE}, receive, send)

    return TestClient(proven, base_url="http://localhost:8080")


def test_routes_are_told_who_asks(client: TestClient, store: KeyStore) -> None:
    key, secret = store.create("laptop", ("audio",))
    bearer = {"authorization": f"Bearer {secret}"}
    assert client.post("/v1/audio/speech", headers=bearer).text == key.id
    assert client.get("/v1/models", headers={"authorization": "Bearer sk-right"}).text == "server"
    assert client.get("/").text == "nobody"


def test_routes_are_told_what_a_secret_is_bound_to(credentials: Credentials) -> None:
    config = read_session({"type": "realtime", "instructions": "Be brief."})
    secret, _ = credentials.secrets.mint(SERVER_KEY, 600, config)
    seen: list[Scope] = []

    async def remember(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await PlainTextResponse("")(scope, receive, send)

    app = RequireCredentials(remember, Callers(credentials, Attempts(hold=0), is_behind_proxy=False))
    client = TestClient(app)
    for given in (secret, "sk-right"):
        client.post("/v1/realtime/calls", headers={"authorization": f"Bearer {given}"})
    assert [scope[SESSION] for scope in seen] == [config, None]
    assert [scope[PRINCIPAL].kind for scope in seen] == ["secret", "key"]


def test_a_wrong_key_is_not_made_good_by_the_cookie(client: TestClient) -> None:
    client.cookies.set("sottovoce_page_8080", "token")
    assert client.get("/v1/models").text == "page"
    reply = client.get("/v1/models", headers={"authorization": "Bearer sk-wrong"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")
    assert reply.headers["www-authenticate"] == "Bearer"


def test_a_key_without_the_scope_is_refused_by_its_name(client: TestClient, store: KeyStore) -> None:
    _, secret = store.create("ears", ("audio",))
    reply = client.post("/v1/chat/completions", headers={"authorization": f"Bearer {secret}"})
    assert reply.status_code == 403
    error = reply.json()["error"]
    assert (error["type"], error["param"], error["code"]) == (
        "invalid_request_error",
        None,
        "insufficient_scope",
    )
    assert "'chat'" in error["message"]


def test_keys_that_cannot_be_read_shut_out_all_but_the_servers_own(
    client: TestClient, store: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    _, secret = store.create("laptop", ("audio",))
    store.path.write_bytes(b"no database" * 100)
    with caplog.at_level(logging.ERROR):
        replies = [client.get("/v1/models", headers={"authorization": f"Bearer {secret}"}) for _ in range(3)]
    assert {(reply.status_code, reply.json()["error"]["code"]) for reply in replies} == {
        (500, "keys_unreadable")
    }
    assert str(store.path) not in replies[0].text
    assert [str(store.path) in record.message for record in caplog.records] == [True]  # once, not thrice
    assert client.get("/v1/models", headers={"authorization": "Bearer sk-right"}).status_code == 200


def test_no_key_is_ever_logged(client: TestClient, store: KeyStore, caplog: pytest.LogCaptureFixture) -> None:
    _, secret = store.create("laptop", ("audio",))
    with caplog.at_level(logging.DEBUG):
        for key in (secret, "sk-wrong-canary", "sk-right"):
            client.get("/v1/models", headers={"authorization": f"Bearer {key}"})
            client.post("/v1/chat/completions", headers={"authorization": f"Bearer {key}"})
    assert "wrong API keys" in caplog.text
    for key in (secret, "canary", "sk-right"):
        assert key not in caplog.text
