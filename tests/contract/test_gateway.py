"""The gateway as browsers and programs meet it: who gets in, what each answer carries, what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sottovoce.errors import ConfigError
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.gateway.routes.page import check_page
from sottovoce.models.choice import write_choice
from tests.contract.gateway_server import BEARER, KEY, Gateway, running

EVIL = "https://evil.example"
LISTED = "https://app.example"
NAME = "voice.example"
SPEECH = {"input": "hello", "model": "tts", "voice": "alloy"}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, allowed_origins=(LISTED,)) as served:
        yield served


def error_of(reply: httpx.Response) -> dict[str, object]:
    body = reply.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    assert reply.headers["x-request-id"].startswith("req_")
    return dict(body)


async def test_the_page_comes_with_its_cookie_and_headers(gateway: Gateway) -> None:
    page = await gateway.client.get("/")
    assert "<title>Sottovoce</title>" in page.text
    cookie = page.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["permissions-policy"].startswith("microphone=(self)")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_hashed_assets_are_kept_for_ever_and_set_no_cookie(gateway: Gateway) -> None:
    asset = await gateway.client.get("/assets/main-4f3a9c.js")
    assert "immutable" in asset.headers["cache-control"]
    assert "set-cookie" not in asset.headers
    missing = await gateway.client.get("/assets/gone.js")
    assert missing.status_code == 404
    assert missing.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2fsecret"]
)
async def test_nothing_outside_the_page_is_served(gateway: Gateway, path: str) -> None:
    assert (await gateway.client.get(path)).status_code == 404


async def test_the_page_uses_the_api_with_its_cookie(gateway: Gateway) -> None:
    await gateway.client.get("/")
    own = {"sec-fetch-site": "same-origin"}
    assert (await gateway.client.get("/api/status", headers=own)).status_code == 200
    assert (await gateway.client.post("/v1/audio/speech", json=SPEECH, headers=own)).status_code == 200
    origin = {"origin": gateway.url}
    assert (await gateway.client.post("/v1/audio/speech", json=SPEECH, headers=origin)).status_code == 200


@pytest.mark.parametrize("headers", [{"origin": EVIL}, {"origin": "null"}, {"sec-fetch-site": "same-site"}])
async def test_another_sites_page_does_not_even_with_the_cookie(
    gateway: Gateway, headers: dict[str, str]
) -> None:
    await gateway.client.get("/")
    reply = await gateway.client.post(
        "/v1/audio/speech", content=b"{}", headers={**headers, "content-type": "text/plain"}
    )
    assert reply.status_code == 403
    assert error_of(reply)["code"] == "origin_not_allowed"
    assert "access-control-allow-origin" not in reply.headers
    assert gateway.engine.seen == []
    assert (await gateway.client.get("/api/status", headers=headers)).status_code == 401


async def test_a_rebound_name_is_refused_on_every_path(gateway: Gateway) -> None:
    await gateway.client.get("/")
    for path in ("/", "/api/status", "/livez", "/v1/models"):
        reply = await gateway.client.get(
            path, headers={"host": f"evil.example:{gateway.host[-4:]}", **BEARER}
        )
        assert reply.status_code == 403
        assert error_of(reply)["code"] == "host_not_allowed"
        assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("path", ["/v1/models", "/v1/nothing", "/api/status", "/v1/realtime/calls/x", "/v1"])
async def test_without_a_key_nothing_is_told(gateway: Gateway, path: str) -> None:
    for headers in ({}, {"authorization": f"Bearer {KEY}x"}, {"authorization": KEY}):
        reply = await gateway.client.get(path, headers=headers)
        assert reply.status_code == 401
        assert error_of(reply)["code"] == "invalid_api_key"
        assert KEY not in reply.text


async def test_with_the_key_programs_get_in(gateway: Gateway) -> None:
    assert (await gateway.client.get("/v1/models", headers=BEARER)).status_code == 200


async def test_health_needs_no_key(gateway: Gateway) -> None:
    assert (await gateway.client.get("/livez")).status_code == 200
    ready = (await gateway.client.get("/readyz")).json()
    assert ready["status"] == "ready"
    assert ready["models"]["stt"] == [
        {"model": "stt-model", "state": "ready", "progress": None, "reason": None}
    ]
    gateway.engine.state = "loading"
    waiting = await gateway.client.get("/readyz")
    assert (waiting.status_code, waiting.json()["engines"]["stt"]) == (503, "loading")


async def test_why_an_engine_failed_is_for_the_key_and_for_this_machine(tmp_path: Path) -> None:
    async with running(tmp_path, GatewayLimits(wrong_key_hold=0), allowed_hosts=(NAME,)) as gateway:
        gateway.engine.state, gateway.engine.reason = "failed", "/home/ada/model.onnx is damaged"

        async def told(**headers: str) -> set[object]:
            models = (await gateway.client.get("/readyz", headers=headers)).json()["models"]
            return {model.get("reason") for kind in models.values() for model in kind}

        secret = await gateway.client.post("/v1/realtime/client_secrets", json={}, headers=BEARER)
        value = secret.json()["value"]
        assert await told() == await told(host=NAME, **BEARER) == {gateway.engine.reason}
        strangers = ({}, {"authorization": f"Bearer {KEY}x"}, {"authorization": f"Bearer {value}"})
        for headers in strangers:
            assert await told(host=NAME, **headers) == {None}
            reply = await gateway.client.get("/readyz", headers={"host": NAME, **headers})
            assert (reply.status_code, "ada" in reply.text) == (503, False)


async def test_a_proxy_on_this_machine_brings_strangers(tmp_path: Path) -> None:
    async with running(tmp_path, behind_proxy=True) as gateway:
        assert "reason" not in (await gateway.client.get("/readyz")).json()["models"]["stt"][0]


async def test_status_tells_what_the_page_shows(gateway: Gateway) -> None:
    status = (await gateway.client.get("/api/status", headers=BEARER)).json()
    assert set(status) == {"version", "profile", "engines", "models", "sessions", "livekit"}
    member = {
        "model": "tts-model",
        "state": "ready",
        "is_local": True,
        "reason": None,
        "progress": None,
        "load_seconds": None,
        "memory_bytes": None,
        "size_bytes": None,
        "preferred": None,
    }
    asked = {"model": "tts-model", "breaker": "closed", "reason": None}
    assert status["engines"]["tts"] == {**member, "members": [member], "chain": [asked], "trouble": None}
    assert (status["profile"], status["sessions"]) == ("auto", 0)


async def test_status_says_why_a_chosen_model_is_not_used(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        write_choice(tmp_path, "tts", "kokoro-v1.0")
        engines = (await gateway.client.get("/api/status", headers=BEARER)).json()["engines"]
    assert engines["tts"]["trouble"].startswith("kokoro-v1.0 was chosen and is not used")
    assert engines["stt"]["trouble"] is None


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("POST", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/audio/speech", 405, "method_not_allowed"),
        ("DELETE", "/v1/realtime/calls/rtc_gone", 404, "call_not_found"),
        ("POST", "/v1/realtime/calls/rtc_gone/hangup", 404, "call_not_found"),
        ("GET", "/nothing", 404, "not_found"),
    ],
)
async def test_every_refusal_is_in_openais_form(
    gateway: Gateway, method: str, path: str, status: int, code: str
) -> None:
    reply = await gateway.client.request(method, path, headers=BEARER)
    assert reply.status_code == status
    assert error_of(reply)["code"] == code
    assert "content-security-policy" in reply.headers


# -- other origins


async def test_a_listed_origin_is_told_so_even_by_errors(gateway: Gateway) -> None:
    good = await gateway.client.get("/v1/models", headers={"origin": LISTED, **BEARER})
    bad = await gateway.client.get("/v1/models", headers={"origin": LISTED})
    assert (good.status_code, bad.status_code) == (200, 401)
    for reply in (good, bad):
        assert reply.headers["access-control-allow-origin"] == LISTED
        assert "location" in reply.headers["access-control-expose-headers"].lower()
    assert error_of(bad)["code"] == "invalid_api_key"


async def test_an_unexpected_error_carries_the_same_headers(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.engine, "status", lambda kind: 1 / 0)
    reply = await gateway.client.get("/api/status", headers={"origin": LISTED, **BEARER})
    assert reply.status_code == 500
    assert error_of(reply)["code"] == "internal_error"
    assert reply.headers["access-control-allow-origin"] == LISTED
    assert "content-security-policy" in reply.headers


async def test_preflights_of_the_rest_pass_for_listed_origins_alone(gateway: Gateway) -> None:
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type, x-openai-agents-sdk, x-stainless-os",
    }
    good = await gateway.client.options("/v1/realtime/client_secrets", headers={"origin": LISTED, **asked})
    assert good.status_code == 200
    assert good.headers["access-control-allow-origin"] == LISTED
    assert "x-stainless-os" in good.headers["access-control-allow-headers"]
    for path in ("/v1/realtime/client_secrets", "/v1/audio/speech", "/api/keys", "/v1/realtime"):
        bad = await gateway.client.options(path, headers={"origin": EVIL, **asked})
        assert bad.status_code == 400
        assert error_of(bad)["code"] == "origin_not_allowed"
        assert "Origin" in bad.headers["vary"]
        assert "access-control-allow-origin" not in bad.headers


async def test_calls_are_for_pages_of_all_origins_that_bring_a_secret(gateway: Gateway) -> None:
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type, x-openai-agents-sdk",
    }
    preflight = await gateway.client.options("/v1/realtime/calls", headers={"origin": EVIL, **asked})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in preflight.headers  # no cookie is ever sent along
    refused = {
        "with nothing": ({}, 403, "origin_not_allowed"),
        "with the key": (BEARER, 403, "origin_not_allowed"),
        "with a wrong secret": ({"authorization": "Bearer ek_wrong"}, 401, "invalid_api_key"),
    }
    await gateway.client.get("/")  # it has the page's cookie, as another port of this machine would
    for headers, status, code in refused.values():
        reply = await gateway.client.post(
            "/v1/realtime/calls",
            content=b"v=0",
            headers={"origin": EVIL, "content-type": "application/sdp", **headers},
        )
        assert reply.status_code == status
        assert error_of(reply)["code"] == code
        assert reply.headers["access-control-allow-origin"] in ("*", EVIL)  # the page may read why
    assert gateway.sessions == []


async def test_every_reply_carries_the_request_s_id(gateway: Gateway) -> None:
    mine = {"x-request-id": "mine-1"}
    asked = {"origin": LISTED, "access-control-request-method": "POST"}
    replies = [
        await gateway.client.get("/v1/models", headers=mine),
        await gateway.client.get("/", headers=mine),
        await gateway.client.get("/assets/none.js", headers=mine),
        await gateway.client.get("/livez", headers=mine),
        await gateway.client.get("/v1/models", headers=mine | BEARER),
        await gateway.client.post("/v1/chat/completions", json={}, headers=mine | BEARER),
        await gateway.client.get("/v1/nothing", headers=mine | BEARER),
        await gateway.client.get("/", headers=mine | {"host": "evil.example"}),
        await gateway.client.post("/v1/audio/speech", json={}, headers=mine | {"origin": EVIL}),
        await gateway.client.options("/v1/models", headers=mine | asked),
    ]
    assert [reply.headers["x-request-id"] for reply in replies] == ["mine-1"] * len(replies)
    assert [reply.status_code for reply in replies] == [401, 200, 404, 200, 200, 200, 404, 403, 403, 200]
    assert gateway.engine.seen[0].headers["x-request-id"] == "mine-1"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/v1/audio/speech", "POST"), ("/v1/models", "GET"), ("/v1/audio/voices", "GET"), ("/nothing", "GET")],
)
async def test_a_wrong_method_is_told_the_right_one(gateway: Gateway, path: str, allowed: str) -> None:
    reply = await gateway.client.patch(path, headers=BEARER)
    assert (reply.status_code, error_of(reply)["code"]) == (405, "method_not_allowed")
    assert allowed in reply.headers["allow"]


# -- models


async def test_models_of_all_engines_are_one_list(gateway: Gateway) -> None:
    listed = (await gateway.client.get("/v1/models", headers=BEARER)).json()
    assert listed["object"] == "list"
    tiny, conversation = listed["data"]
    assert tiny == {"id": "tiny/model", "object": "model", "created": 7, "owned_by": "unknown"}
    assert conversation["id"] == "gpt-realtime"
    one = await gateway.client.get("/v1/models/tiny/model", headers=BEARER)
    assert one.json()["id"] == "tiny/model"
    missing = await gateway.client.get("/v1/models/../x", headers=BEARER)
    assert missing.status_code == 404
    gone = await gateway.client.get("/v1/models/huge", headers=BEARER)
    assert (gone.status_code, error_of(gone)["code"]) == (404, "model_not_found")


async def test_models_without_any_engine_say_so(gateway: Gateway) -> None:
    gateway.engine.models = {"unexpected": True}
    reply = await gateway.client.get("/v1/models", headers=BEARER)
    assert (reply.status_code, error_of(reply)["code"]) == (503, "engine_unavailable")


# -- before serving


def test_a_missing_page_build_is_told_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"index\.html is missing\. Cure: make setup"):
        check_page(tmp_path)


async def test_a_tls_proxy_makes_the_cookie_secure_but_no_client_can(tmp_path: Path) -> None:
    proxied = {"x-forwarded-proto": "https"}
    async with running(tmp_path / "a", behind_proxy=True) as gateway:
        signed_in = await gateway.client.post("/sign-in", data={"key": KEY}, headers=proxied)
        assert "Secure" in signed_in.headers["set-cookie"]
    async with running(tmp_path / "b") as gateway:
        assert "Secure" not in (await gateway.client.get("/", headers=proxied)).headers["set-cookie"]
