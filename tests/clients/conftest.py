"""Stock clients, unmodified and pinned, against real servers: what is missing fails, nothing is skipped."""

from __future__ import annotations

import os
import secrets
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from openai import DefaultHttpxClient, OpenAI

from tests.chromium import chromium_path, launching, own_playwright  # noqa: F401  fixtures
from tests.live_server import Server, free_port

HERE = Path(__file__).parent
CERTIFICATE = "tls/cert.pem"
SESSIONS = 2
"""That the small server takes at a time."""
TIMEOUT = 120
"""The first test waits for a server that builds the recogniser's language model."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.clients)
            item.add_marker(pytest.mark.timeout(TIMEOUT))


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


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own account at OpenAI is none of a test's business."""
    for variable in [name for name in os.environ if name.startswith("OPENAI_")]:
        monkeypatch.delenv(variable)


def _live(home: Path, engine_cache: Path, *flags: str, **settings: str) -> Iterator[Live]:
    key, other = f"sk-sottovoce-{secrets.token_urlsafe(24)}", f"http://127.0.0.1:{free_port()}"
    (home / "cache").symlink_to(engine_cache, target_is_directory=True)
    server = Server(home, *flags, api_key=key, **settings)
    server.start()
    yield Live(server.url, key, home, other)
    server.stop()


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Live]:
    """The server of all tests, with its defaults."""
    yield from _live(tmp_path_factory.mktemp("live"), engine_cache)


@dataclass(frozen=True)
class Secured:
    """A server that speaks TLS, and the certificate it made for itself."""

    live: Live
    certificate: Path

    def secret(self) -> str:
        """An ephemeral one, for pages."""
        trust = ssl.create_default_context(cafile=str(self.certificate))
        with (
            DefaultHttpxClient(verify=trust, trust_env=False) as http,
            OpenAI(base_url=self.live.base_url, api_key=self.live.key, http_client=http) as client,
        ):
            return client.realtime.client_secrets.create().value


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Secured]:
    """Small, too: two sessions fill it, and so does a megabyte."""
    home = tmp_path_factory.mktemp("secured")
    for live in _live(home, engine_cache, "--tls", max_sessions=str(SESSIONS), max_upload_bytes="1048576"):
        yield Secured(live, home / CERTIFICATE)
