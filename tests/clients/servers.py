"""The servers that clients talk to: `sottovoce serve` as a process, as a client's settings know it."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openai import DefaultHttpxClient, OpenAI

from tests.live_server import Server, free_port

SESSIONS = 2
"""That the small server takes at a time."""


@dataclass(frozen=True)
class Live:
    """A running server as a client's configuration knows it."""

    url: str
    key: str
    home: Path
    other_origin: str
    """Of a page elsewhere, which this server was not told of."""

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def realtime_url(self) -> str:
        return f"ws{self.base_url.removeprefix('http')}/realtime"


@dataclass(frozen=True)
class Secured:
    """A server that speaks TLS, and the certificate it made for itself."""

    live: Live

    @property
    def certificate(self) -> Path:
        return self.live.home / "tls" / "cert.pem"

    def secret(self) -> str:
        """An ephemeral one, for pages."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        with (
            DefaultHttpxClient(verify=trust, trust_env=False) as http,
            OpenAI(base_url=self.live.base_url, api_key=self.live.key, http_client=http) as client,
        ):
            return client.realtime.client_secrets.create().value


ROOMS = {"livekit_port": "0", "livekit_tcp_port": "0", "livekit_udp_port": "0"}
"""For `serve --livekit`: whatever ports are free."""


@contextmanager
def serving(home: Path, engine_cache: Path, *flags: str, **settings: str) -> Iterator[Live]:
    """A server with the given flags and settings, until the block ends."""
    key, other = f"sk-sottovoce-{secrets.token_urlsafe(24)}", f"http://127.0.0.1:{free_port()}"
    (home / "cache").symlink_to(engine_cache, target_is_directory=True)
    server = Server(home, *flags, api_key=key, **settings)
    server.start()
    try:
        yield Live(server.url, key, home, other)
    finally:
        server.stop()
