"""Headless Chromium against the real server. A missing browser or page build fails: nothing is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.browser.talk_page import TalkPage
from tests.chromium import LaunchBrowser, chromium_path, launching, own_playwright  # noqa: F401  fixtures
from tests.live_server import Server

TIMEOUT = 150
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(scope="session")
def server_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all servers of the run: only the first has to build the recogniser's language model."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def shared_server(server_home: Path) -> Iterator[Server]:
    if not files("sottovoce").joinpath("web/dist/index.html").is_file():
        pytest.fail("The page is not built: npm --prefix web ci && npm --prefix web run build")
    server = Server(server_home, allowed_hosts="voice.lan", offline="true")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def room_server(shared_server: Server, server_home: Path) -> Iterator[Server]:
    """With LiveKit, whose processes a test may kill: the server starts them again."""
    free = {f"livekit_{port}": "0" for port in ("port", "tcp_port", "udp_port", "worker_port")}
    server = Server(server_home, "--livekit", offline="true", **free)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_server(shared_server: Server, server_home: Path) -> Iterator[Server]:
    """A server that the test may kill; after the shared one, which has built what both need."""
    server = Server(server_home, allowed_hosts="voice.lan", offline="true")
    server.start()
    yield server
    server.stop()


OpenPage = Callable[..., TalkPage]


@pytest.fixture
def open_page(launch: LaunchBrowser, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Opens the page of a server (by default the shared one) with a microphone that hears `speech`.

    What must hold for every page is asserted at the end: no foreign request, no script error, nothing that
    the content security policy had to stop; and no notice, unless the test `is_in_trouble`.
    """
    pages: list[TalkPage] = []
    calm: list[TalkPage] = []

    def open_page(
        *speech: str | float,
        server: Server | None = None,
        url: str | None = None,
        key: str | None = None,
        has_microphone: bool = True,
        is_in_trouble: bool = False,
        flags: tuple[str, ...] = (),
        **options: Any,
    ) -> TalkPage:
        grant = ("--use-fake-ui-for-media-stream",) if has_microphone else ()
        browser = launch(*speech, flags=(*flags, *grant))
        context = browser.new_context(**{"reduced_motion": "reduce", **options})
        address = url or (server or request.getfixturevalue("shared_server")).url
        page = TalkPage(context.new_page(), address)
        pages.append(page)
        calm.extend([] if is_in_trouble else [page])
        page.open(key)
        return page

    yield open_page
    problems = [text for page in calm for text in page.page.locator("[data-entry=notice]").all_inner_texts()]
    for page in pages:
        page.page.context.close()
        assert page.foreign_requests() == []
        assert page.errors == []
    assert problems == []
