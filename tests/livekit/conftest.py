"""One real LiveKit server for all of these tests; each has rooms of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.livekit_server import LiveKitServer


@pytest.fixture(scope="session")
def livekit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveKitServer]:
    server = LiveKitServer(tmp_path_factory.mktemp("livekit"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def room_name() -> str:
    return f"room-{uuid.uuid4()}"
