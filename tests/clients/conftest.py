"""Stock clients, unmodified and pinned, against real servers: what is missing fails, nothing is skipped."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.chromium import chromium_path, launching, own_playwright  # noqa: F401  fixtures
from tests.clients.openai_conversation import Conversation, conversation
from tests.clients.servers import ROOMS, SESSIONS, Live, Secured, serving

HERE = Path(__file__).parent
TIMEOUT = 120
"""The first test waits for a server that builds the recogniser's language model."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.clients)
            item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own account at OpenAI is none of a test's business."""
    for variable in [name for name in os.environ if name.startswith("OPENAI_")]:
        monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Live]:
    """The server of all tests, with its defaults."""
    with serving(tmp_path_factory.mktemp("live"), engine_cache) as live:
        yield live


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Secured]:
    """One that speaks TLS, and is small: few sessions fill it, and so does a megabyte."""
    home, small = tmp_path_factory.mktemp("secured"), {"max_sessions": str(SESSIONS)}
    with serving(home, engine_cache, "--tls", max_upload_bytes="1048576", **small) as live:
        yield Secured(live)


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Live]:
    """One that runs a LiveKit server and a worker."""
    with serving(tmp_path_factory.mktemp("rooms"), engine_cache, "--livekit", **ROOMS) as live:
        yield live


@pytest.fixture
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=live.base_url, api_key=live.key, max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(live: Live) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=live.base_url, api_key=live.key, max_retries=0) as client:
        yield client


@pytest.fixture
async def talk(async_client: AsyncOpenAI) -> AsyncIterator[Conversation]:
    async with conversation(async_client.realtime.connect(model="gpt-realtime")) as talk:
        yield talk
