"""A server that already runs on this machine, found by its address and its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
from pydantic import BaseModel

from sottovoce.config import EngineKind, Settings
from sottovoce.gateway.server_key import KEY_FILE, load_or_create_key

PROBE_TIMEOUT = 1.0
"""Seconds to answer; whatever listens there and says nothing is not ours."""

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  named to be replaced, not bound


@dataclass(frozen=True, slots=True)
class RunningServer:
    """`url` has no path; `key` is good for it; `models` names the model of each engine."""

    url: str
    key: str = field(repr=False)
    models: Mapping[EngineKind, str] = field(default_factory=dict)


class _Engine(BaseModel):
    model: str


class _Status(BaseModel):
    engines: dict[EngineKind, _Engine]


def url_of(host: str, port: int) -> str:
    """The address to open for a server bound to `host`."""
    host = WILDCARDS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def find_server(settings: Settings) -> RunningServer | None:
    """The server that runs where the settings say and takes their key; None where there is none.

    The key is sent to nobody but loopback, and only where `/livez` answers as Sottovoce does.
    """
    if not settings.is_loopback or settings.port == 0:
        return None
    if settings.api_key is None and not (settings.home / KEY_FILE).exists():
        return None
    return _ask(url_of(settings.host, settings.port), load_or_create_key(settings))


def _ask(url: str, key: str) -> RunningServer | None:
    with httpx.Client(base_url=url, timeout=PROBE_TIMEOUT, trust_env=False) as client:
        try:
            if client.get("/livez").json() != {"status": "alive"}:
                return None
            reply = client.get("/api/status", headers={"authorization": f"Bearer {key}"}).raise_for_status()
            engines = _Status.model_validate_json(reply.content).engines
        except (httpx.HTTPError, ValueError):
            return None
    return RunningServer(url, key, {kind: engine.model for kind, engine in engines.items()})
