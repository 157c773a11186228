"""Who is shown the page: everybody on this machine, and elsewhere whoever has shown a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from sottovoce.gateway.keys import KEYS_FILE, KeyStore
from sottovoce.gateway.limits import GatewayLimits
from tests.contract.gateway_server import BEARER, KEY, Gateway, running

NAME = "voice.example"
ELSEWHERE = {"host": NAME}
"""A name for other machines, as it comes through a tunnel or proxy: the test's own address is loopback."""
FORM = {**ELSEWHERE, "origin": f"http://{NAME}"}
OWN = {**ELSEWHERE, "sec-fetch-site": "same-origin"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, allowed_hosts=(NAME,)) as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / KEYS_FILE)


async def sign_in(gateway: Gateway, key: str, **headers: str) -> httpx.Response:
    return await gateway.client.post("/sign-in", data={"key": key}, headers={**FORM, **headers})


async def is_let_in(gateway: Gateway) -> bool:
    return (await gateway.client.get("/api/status", headers=OWN)).status_code == 200


async def test_on_this_machine_nobody_is_asked(gateway: Gateway) -> None:
    for host in ("localhost", "127.0.0.1:8080", "[::1]"):
        page = await gateway.client.get("/", headers={"host": host})
        assert page.status_code == 200
        assert "set-cookie" in page.headers


async def test_elsewhere_the_page_wants_a_key_first(gateway: Gateway) -> None:
    page = await gateway.client.get("/", headers=ELSEWHERE)
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in")
    assert "set-cookie" not in page.headers
    form = await gateway.client.get("/sign-in", headers=ELSEWHERE)
    assert form.headers["content-type"].startswith("text/html")
    assert 'name="key"' in form.text
    assert form.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in form.headers["content-security-policy"]


async def test_behind_a_proxy_everybody_is_elsewhere(tmp_path: Path) -> None:
    async with running(tmp_path, behind_proxy=True) as gateway:
        assert (await gateway.client.get("/")).status_code == 303


async def test_a_key_signs_in_and_the_page_works(gateway: Gateway) -> None:
    assert not await is_let_in(gateway)
    reply = await sign_in(gateway, f" {KEY}\n")  # pasted
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    cookie = reply.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=2592000"):
        assert part in cookie
    assert KEY not in cookie
    page = await gateway.client.get("/", headers=ELSEWHERE)
    assert "<title>Sottovoce</title>" in page.text
    assert await is_let_in(gateway)
    cookies = "; ".join(f"{name}={value}" for name, value in gateway.client.cookies.items())
    url, headers = f"ws://{gateway.host}/v1/realtime", {"cookie": cookies}
    async with connect(url, origin=f"http://{gateway.host}", additional_headers=headers, proxy=None) as own:
        assert "session.created" in str(await own.recv())
    with pytest.raises(InvalidStatus):  # a foreign page with the cookie, on another port of the same name
        async with connect(url, origin=f"http://{NAME}:3000", additional_headers=headers, proxy=None):
            raise AssertionError("it was let in")


async def test_a_revoked_key_signs_out_what_it_signed_in(gateway: Gateway, store: KeyStore) -> None:
    _, key = store.create("phone", ("realtime", "admin"))
    await sign_in(gateway, key)
    assert await is_let_in(gateway)
    assert (await gateway.client.get("/api/keys", headers=OWN)).status_code == 403
    assert (await gateway.client.post("/v1/audio/speech", json={}, headers=OWN)).status_code == 403
    store.revoke("phone")
    assert not await is_let_in(gateway)
    assert (await gateway.client.get("/", headers=ELSEWHERE)).status_code == 303


@pytest.mark.parametrize("key", ["", "sk-wrong", "<script>alert(1)</script>", "x" * 4000, "\xff"])
async def test_a_wrong_key_is_told_and_not_repeated(gateway: Gateway, key: str) -> None:
    reply = await sign_in(gateway, key)
    assert reply.status_code == 401
    assert 'role="alert"' in reply.text
    assert "set-cookie" not in reply.headers
    assert "<script>" not in reply.text
    assert not await is_let_in(gateway)


async def test_a_key_that_opens_no_conversation_signs_nobody_in(gateway: Gateway, store: KeyStore) -> None:
    _, key = store.create("ears", ("audio", "admin"))
    reply = await sign_in(gateway, key)
    assert reply.status_code == 403
    assert "realtime" in reply.text
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_another_sites_form_signs_nobody_in(gateway: Gateway, origin: str) -> None:
    """Else it could make somebody use an account of its own."""
    reply = await sign_in(gateway, KEY, origin=origin)
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers


async def test_a_body_that_is_no_form_is_refused(gateway: Gateway) -> None:
    for body, status in [(b"", 401), (b"\xff\x00", 401), (b"key=" + b"x" * 5000, 413)]:
        reply = await gateway.client.post("/sign-in", content=body, headers=FORM)
        assert reply.status_code == status


async def test_guesses_are_slow_here_too(tmp_path: Path) -> None:
    async with running(tmp_path, GatewayLimits(wrong_key_hold=30), allowed_hosts=(NAME,)) as gateway:
        with pytest.raises(httpx.ReadTimeout):
            await gateway.client.post("/sign-in", data={"key": "sk-wrong"}, headers=FORM, timeout=0.1)


async def test_the_cookie_is_no_key_for_programs(gateway: Gateway) -> None:
    await sign_in(gateway, KEY)
    reply = await gateway.client.post("/v1/audio/speech", json={}, headers=ELSEWHERE)  # not from the page
    assert reply.status_code == 401
    gateway.client.cookies.clear()
    assert (await gateway.client.get("/v1/models", headers={**ELSEWHERE, **BEARER})).status_code == 200
