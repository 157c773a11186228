"""Keeps other websites out: who may talk to this server through somebody's browser.

Host is checked against a list, which is what stops DNS rebinding; then Filippo Valsorda's cross-origin
algorithm (https://words.filippo.io/csrf/, as in Go's `http.CrossOriginProtection`), widened to WebSocket
handshakes: those are GET requests that any page may start, so they count as unsafe here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from sottovoce.config import Settings
from sottovoce.errors import ForbiddenError
from sottovoce.gateway.given_key import brings_secret
from sottovoce.gateway.principal import is_under
from sottovoce.http.errors import error_response
from sottovoce.machine_names import host_names

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PROVENANCE = "sottovoce.provenance"
SECRETS_PATH = "/v1/realtime"
"""Where an ephemeral secret is proof enough, whatever page brings it: no browser adds one by itself."""

CALLS_PATH = "/v1/realtime/calls"
"""Where any page's preflight is answered, so that one with a secret can post its offer."""

WILDCARD_ADDRESSES = frozenset({"0.0.0.0", "::"})  # noqa: S104  compared with, not bound to


class Provenance(enum.Enum):
    """Where a request came from, as far as its headers prove it."""

    OWN_PAGE = enum.auto()
    LISTED_PAGE = enum.auto()
    PROGRAM = enum.auto()  # no browser sends neither Origin nor Sec-Fetch-Site with an unsafe request
    SECRET_HOLDER = enum.auto()  # any page or program: the secret it brings, if good, is the proof
    UNPROVEN = enum.auto()  # a safe method, which may come from anywhere


@dataclass(frozen=True, slots=True)
class Boundary:
    """The names this server answers to and the foreign origins that may use it."""

    hosts: frozenset[str]
    origins: frozenset[str]
    has_wildcard_bind: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Boundary:
        """Others on the network know this machine by its own names too; these its certificate has."""
        own_names = host_names() if settings.has_tls and not settings.is_loopback else ()
        return cls(
            hosts=frozenset({hostname(settings.host), *map(hostname, (*settings.allowed_hosts, *own_names))}),
            origins=frozenset(normal_origins(settings.allowed_origins)),
            has_wildcard_bind=settings.host in WILDCARD_ADDRESSES,
        )

    def check(self, scope: Scope) -> Provenance:
        """Raises `ForbiddenError` for a request that another site's page may have made."""
        headers = Headers(scope=scope)
        self._check_host(headers)
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return self._safe(headers)
        if is_under(scope["path"], SECRETS_PATH) and brings_secret(HTTPConnection(scope)):
            return Provenance.SECRET_HOLDER
        if _has_bearer(headers) and "cookie" not in headers and not is_for_all_pages(scope):
            return Provenance.PROGRAM  # a page that adds it needs a preflight, which is refused
        return self._unsafe(headers)

    def _check_host(self, headers: Headers) -> None:
        name = hostname(headers.get("host", ""))
        if name in self.hosts or is_loopback_name(name) or (self.has_wildcard_bind and _is_address(name)):
            return
        raise ForbiddenError(
            f"This server does not answer to the name {name[:255]!r}. If it should, add it to "
            "SOTTOVOCE_ALLOWED_HOSTS.",
            code="host_not_allowed",
        )

    def _safe(self, headers: Headers) -> Provenance:
        try:
            return self._unsafe(headers)
        except ForbiddenError:
            return Provenance.UNPROVEN

    def _unsafe(self, headers: Headers) -> Provenance:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if origin is not None and origin.lower() in self.origins:
            return Provenance.LISTED_PAGE
        if site is not None:
            if site in ("same-origin", "none"):
                return Provenance.OWN_PAGE
            raise _foreign(origin)
        if origin is None:
            return Provenance.PROGRAM
        if _authority(origin) != headers.get("host", "").lower():
            raise _foreign(origin)
        return Provenance.OWN_PAGE


def is_for_all_pages(scope: Scope) -> bool:
    """Whether pages of every origin may read the answer, so that a preflight stops nobody."""
    return scope["type"] == "http" and is_under(scope["path"], CALLS_PATH)


def is_from_own_page(scope: Scope) -> bool:
    """Whether the page's cookie counts: proven same-origin, or a read that no header speaks against.

    Browsers leave both headers out of same-origin reads on plain-http addresses of a network.
    """
    provenance = scope.get(PROVENANCE)
    if provenance is Provenance.PROGRAM:
        return scope["type"] == "http" and scope["method"] in SAFE_METHODS
    return provenance is Provenance.OWN_PAGE


class Guard:
    """ASGI middleware over HTTP and WebSocket; a WebSocket is refused before it is accepted."""

    def __init__(self, app: ASGIApp, boundary: Boundary) -> None:
        self.app = app
        self.boundary = boundary

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            try:
                scope[PROVENANCE] = self.boundary.check(scope)
            except ForbiddenError as error:
                await error_response(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def hostname(host: str) -> str:
    """The name in a Host header or setting: lower case, without port, brackets and final dot; "" if none."""
    try:
        address = ip_address(host)
    except ValueError:
        pass
    else:
        return str(address)
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
    return name.removesuffix(".")


def normal_origins(origins: Iterable[str]) -> list[str]:
    """Origins as browsers send them: lower case and without a final slash."""
    normal = (origin.strip().rstrip("/").lower() for origin in origins)
    return [origin for origin in normal if origin != "null"]  # any sandboxed page calls itself that


def _authority(origin: str) -> str:
    """Host and port of an origin; "" for `null` and anything else that is none."""
    try:
        return urlsplit(origin.lower()).netloc
    except ValueError:
        return ""


def _has_bearer(headers: Headers) -> bool:
    return headers.get("authorization", "").lower().startswith("bearer ")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback_name(name: str) -> bool:
    """Whether the name or address means this machine, whoever asks."""
    if not _is_address(name):
        return name == "localhost"
    address = ip_address(name)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _foreign(origin: str | None) -> ForbiddenError:
    return ForbiddenError(
        f"Pages of {(origin or 'other sites')[:255]} may not use this server. If they should, add the "
        "origin to SOTTOVOCE_ALLOWED_ORIGINS. For /v1/realtime alone a client secret will do (POST "
        "/v1/realtime/client_secrets).",
        code="origin_not_allowed",
    )
