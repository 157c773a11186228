"""The probes of a hostile web page, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from sottovoce.config import Settings
from sottovoce.errors import ForbiddenError
from sottovoce.gateway import guard
from sottovoce.gateway.guard import PROVENANCE, Boundary, Provenance, is_from_own_page

HOST = "localhost:8080"
OWN = "http://localhost:8080"
EVIL = "https://evil.example"
LISTED = "https://app.example"


def scope(kind: str = "http", method: str = "POST", **headers: str) -> dict[str, Any]:
    headers = {"host": HOST, **headers}
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    given = {"type": kind, "headers": raw, "path": "/v1/realtime"}
    return given | ({"method": method} if kind == "http" else {})


def check(given: dict[str, Any], **settings: Any) -> Provenance:
    return Boundary.of(Settings(allowed_origins=(LISTED + "/",), **settings)).check(given)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.8.8.8", "[::1]", "[::1]:8080", "localhost.:80"],
)
def test_answers_to_loopback_names(host: str) -> None:
    assert check(scope(method="GET", host=host)) is Provenance.PROGRAM


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "192.168.1.5",
        "[fe80::1]",
        "",
        "[::1",
        "a b",
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_refuses_other_names_whatever_the_method(host: str, kind: str) -> None:
    with pytest.raises(ForbiddenError) as caught:
        check(scope(kind, "GET", host=host, origin=f"http://{host}", authorization="Bearer k"))
    assert caught.value.code == "host_not_allowed"


def test_answers_to_the_bound_address_and_configured_names() -> None:
    settings = {"host": "192.168.1.5", "behind_proxy": True, "allowed_hosts": ("Voice.Example", "[fd00::2]")}
    for host in ("192.168.1.5:8080", "voice.example", "voice.example:443", "[fd00::2]:8080"):
        check(scope(host=host, authorization="Bearer k"), **settings)


def test_over_tls_others_may_use_this_machines_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "host_names", lambda: ("study", "study.local"))
    check(scope(host="Study.local:8080", authorization="Bearer k"), host="0.0.0.0", tls=True)
    for settings in ({"host": "0.0.0.0", "behind_proxy": True}, {"tls": True}):
        with pytest.raises(ForbiddenError):
            check(scope(host="study.local", authorization="Bearer k"), **settings)


def test_a_wildcard_bind_answers_to_addresses_but_to_no_unknown_name() -> None:
    check(scope(host="10.1.2.3:8080", authorization="Bearer k"), host="0.0.0.0", behind_proxy=True)
    with pytest.raises(ForbiddenError):
        check(scope(host="evil.example"), host="0.0.0.0", behind_proxy=True)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
        {"origin": "http://localhost"},
        {"origin": "http://localhost:8080@evil.example"},
        {"origin": "http://[", "authorization": "Basic eA=="},
        {"origin": EVIL, "authorization": "Bearer k", "cookie": "sottovoce_page_8080=x"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": "http://localhost:3000"},
        {"sec_fetch_site": "cross-site", "origin": OWN},
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_refuses_what_another_sites_page_can_send(kind: str, headers: dict[str, str]) -> None:
    with pytest.raises(ForbiddenError) as caught:
        check(scope(kind, **headers))
    assert caught.value.code == "origin_not_allowed"


def with_subprotocol(key: str, path: str = "/v1/realtime", **headers: str) -> dict[str, Any]:
    given = scope("websocket", **headers)
    return given | {"path": path, "subprotocols": ["realtime", f"openai-insecure-api-key.{key}"]}


def test_a_key_in_a_subprotocol_is_no_proof_for_any_page_can_send_one() -> None:
    with pytest.raises(ForbiddenError, match="client secret"):
        check(with_subprotocol("sk-right", origin=EVIL))


SECRET = {"authorization": "Bearer ek_any"}
CALLS = {"path": "/v1/realtime/calls"}


@pytest.mark.parametrize("origin", [EVIL, "null", OWN, LISTED, "http://localhost:3000"])
@pytest.mark.parametrize("more", [{}, {"cookie": "sottovoce_page_8080=x"}, {"sec_fetch_site": "cross-site"}])
def test_a_secret_is_looked_at_wherever_it_comes_from(origin: str, more: dict[str, str]) -> None:
    for given in (
        with_subprotocol("ek_any", origin=origin, **more),
        scope("websocket", origin=origin, **SECRET, **more),
        scope(origin=origin, **SECRET, **more) | CALLS,
        scope(method="DELETE", origin=origin, **SECRET, **more) | CALLS,
    ):
        assert check(given) is Provenance.SECRET_HOLDER
        assert not is_from_own_page(given | {PROVENANCE: Provenance.SECRET_HOLDER})


def test_a_secret_proves_nothing_elsewhere_or_under_another_name() -> None:
    cookie = {"cookie": "sottovoce_page_8080=x"}
    for path in ("/v1/audio/speech", "/v1/realtimes", "/api/status", "/"):
        with pytest.raises(ForbiddenError):
            check(scope(origin=EVIL, **SECRET, **cookie) | {"path": path})
        with pytest.raises(ForbiddenError):
            check(with_subprotocol("ek_any", path, origin=EVIL))
    with pytest.raises(ForbiddenError, match="name"):
        check(scope(host="evil.example", **SECRET) | CALLS)


def test_where_any_page_passes_the_preflight_a_key_needs_a_good_origin() -> None:
    bearer = {"authorization": "Bearer sk-right"}
    for origin in (EVIL, "null"):
        with pytest.raises(ForbiddenError):
            check(scope(origin=origin, **bearer) | CALLS)
    assert check(scope(origin=LISTED, **bearer) | CALLS) is Provenance.LISTED_PAGE
    assert check(scope(origin=OWN, **bearer) | CALLS) is Provenance.OWN_PAGE
    assert check(scope(**bearer) | CALLS) is Provenance.PROGRAM


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("headers", "provenance"),
    [
        ({"origin": OWN}, Provenance.OWN_PAGE),
        ({"origin": "HTTP://LocalHost:8080"}, Provenance.OWN_PAGE),
        ({"sec_fetch_site": "same-origin", "origin": OWN}, Provenance.OWN_PAGE),
        ({"sec_fetch_site": "none"}, Provenance.OWN_PAGE),
        ({"origin": LISTED, "sec_fetch_site": "cross-site"}, Provenance.LISTED_PAGE),
        ({}, Provenance.PROGRAM),
        ({"authorization": "Bearer k", "origin": EVIL}, Provenance.PROGRAM),
    ],
)
def test_lets_pages_of_its_own_listed_ones_and_programs_through(
    kind: str, headers: dict[str, str], provenance: Provenance
) -> None:
    assert check(scope(kind, **headers)) is provenance


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_pass_but_prove_nothing(method: str) -> None:
    assert check(scope(method=method, origin=EVIL)) is Provenance.UNPROVEN
    assert check(scope(method=method, sec_fetch_site="cross-site")) is Provenance.UNPROVEN


def test_null_cannot_be_listed() -> None:
    boundary = Boundary.of(Settings(allowed_origins=("null",)))
    with pytest.raises(ForbiddenError):
        boundary.check(scope(origin="null"))


@pytest.mark.parametrize(
    ("kind", "method", "provenance", "counts"),
    [
        ("http", "POST", Provenance.OWN_PAGE, True),
        ("websocket", "GET", Provenance.OWN_PAGE, True),
        ("http", "GET", Provenance.PROGRAM, True),
        ("http", "POST", Provenance.PROGRAM, False),
        ("websocket", "GET", Provenance.PROGRAM, False),
        ("http", "GET", Provenance.UNPROVEN, False),
        ("http", "POST", Provenance.LISTED_PAGE, False),
    ],
)
def test_when_the_pages_cookie_counts(kind: str, method: str, provenance: Provenance, counts: bool) -> None:
    assert is_from_own_page(scope(kind, method) | {PROVENANCE: provenance}) is counts
