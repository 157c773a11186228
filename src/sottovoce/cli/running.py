"""A server that already runs on this machine, found by its address and its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext

import httpx
from pydantic import BaseModel

from sottovoce.config import EngineKind, Settings
from sottovoce.errors import ConfigError
from sottovoce.gateway.server_key import KEY_FILE, load_or_create_key
from sottovoce.gateway.tls import certificate_file, client_context

PROBE_TIMEOUT = 1.0
"""Seconds to answer; whatever listens there and says nothing is not ours."""

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  named to be replaced, not bound


@dataclass(frozen=True, slots=True)
class RunningServer:
    """`url` has no path; `key` is good for it; `models` names the model of each engine.

    `tls` is what to connect with, for an `https` address.
    """

    url: str
    key: str = field(repr=False)
    models: Mapping[EngineKind, str] = field(default_factory=dict)
    tls: SSLContext | None = None


class _Engine(BaseModel):
    model: str


class _Status(BaseModel):
    engines: dict[EngineKind, _Engine]


def url_of(host: str, port: int, *, has_tls: bool = False) -> str:
    """The address to open for a server bound to `host`."""
    scheme = "https" if has_tls else "http"
    host = WILDCARDS.get(host, host)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def find_server(settings: Settings) -> RunningServer | None:
    """The server that runs where the settings say and takes their key; None where there is none.

    The key is sent only where `/livez` answers as Sottovoce does: on loopback, or over TLS to whoever shows
    the certificate that the server of these settings shows. Raises `ConfigError` where the key is of no use.
    """
    if settings.port == 0 or (settings.api_key is None and not (settings.home / KEY_FILE).exists()):
        return None
    key = load_or_create_key(settings)
    for url, tls in _addresses(settings):
        server = _ask(url, key, tls)
        if server is not None:
            return server
    return None


def is_running(settings: Settings) -> bool:
    """A key that cannot be used is no reason to say so here."""
    try:
        return find_server(settings) is not None
    except ConfigError:
        return False


def _addresses(settings: Settings) -> Iterator[tuple[str, SSLContext | None]]:
    """Where it may answer: the flags that it was started with are not known here."""
    if settings.is_loopback or settings.host in WILDCARDS:
        yield url_of(settings.host, settings.port), None
    try:
        tls = client_context(certificate_file(settings))
    except ConfigError:
        return  # no certificate, so no server that shows it
    yield url_of(settings.host, settings.port, has_tls=True), tls


def _ask(url: str, key: str, tls: SSLContext | None) -> RunningServer | None:
    with httpx.Client(base_url=url, timeout=PROBE_TIMEOUT, trust_env=False, verify=tls or True) as client:
        try:
            if client.get("/livez").json() != {"status": "alive"}:
                return None
            reply = client.get("/api/status", headers={"authorization": f"Bearer {key}"}).raise_for_status()
            engines = _Status.model_validate_json(reply.content).engines
        except (httpx.HTTPError, ValueError):
            return None
    return RunningServer(url, key, {kind: engine.model for kind, engine in engines.items()}, tls)
