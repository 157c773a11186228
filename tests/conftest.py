"""What every test gets: no network but loopback, an own home, and no task left behind."""

from __future__ import annotations

import os

# Before anything imports livekit: its inference service lives elsewhere, and nothing here may ask it.
os.environ["LIVEKIT_INFERENCE_URL"] = "http://127.0.0.1:9"
os.environ["OTEL_SDK_DISABLED"] = "true"

import asyncio
import contextlib
import inspect
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def engine_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What engines build once, such as the recogniser's language model: once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_settings(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, engine_cache: Path
) -> None:
    """No setting of the developer's reaches a test, and no test reaches the developer's home."""
    for variable in [name for name in os.environ if name.startswith("SOTTOVOCE_")]:
        monkeypatch.delenv(variable)
    for variable in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        monkeypatch.delenv(variable, raising=False)
    home = tmp_path_factory.mktemp("home", numbered=True)
    (home / "cache").symlink_to(engine_cache, target_is_directory=True)
    monkeypatch.setenv("SOTTOVOCE_HOME", str(home))


@pytest.fixture
def home() -> Path:
    """The folder that SOTTOVOCE_HOME names in this test."""
    return Path(os.environ["SOTTOVOCE_HOME"])


@pytest.fixture
def free_ports() -> range:
    """Two neighbouring UDP ports that were free a moment ago."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second,
        ):
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return range(port, port + 2)


@pytest.fixture
async def _every_task_ends() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)  # what was cancelled by the last teardown ends now
    leaked = [task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()]
    if leaked:
        pytest.fail("tasks left behind:\n" + "\n".join(f"  {task!r}" for task in leaked), pytrace=False)


@pytest.fixture(autouse=True)
def _fail_on_leaked_tasks(request: pytest.FixtureRequest) -> None:
    """First to be set up and so last to be torn down: the test's own fixtures have closed by then."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_every_task_ends")
