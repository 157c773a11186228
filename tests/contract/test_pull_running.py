"""`sottovoce models pull` by the server that runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sottovoce.cli.pull_running import pull_running
from sottovoce.cli.running import RunningServer
from sottovoce.errors import DownloadError
from sottovoce.models.desk import ModelDesk
from sottovoce.models.download_errors import HubUnreachable
from sottovoce.models.download_job import Progress
from tests.contract.gateway_server import KEY, running
from tests.fake_models import FakeDownloads, FakeRoom, settings_with_models


class Server:
    """A server that runs, with a desk whose downloads stand still."""

    def __init__(self, url: str, desk: ModelDesk, room: FakeRoom, downloads: FakeDownloads) -> None:
        self.running = RunningServer(url, KEY)
        self.desk, self.room, self.downloads = desk, room, downloads


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    room, downloads = FakeRoom(), FakeDownloads(tmp_path)
    async with (
        ModelDesk(settings_with_models(tmp_path), room, fetch=downloads) as desk,
        running(tmp_path, desk=desk) as gateway,
    ):
        yield Server(gateway.url, desk, room, downloads)


async def test_a_running_server_fetches_and_uses_it_and_is_followed(server: Server) -> None:
    seen: list[tuple[str, Any]] = []
    for name in ("ear", "mouth"):
        server.downloads.advance(name, Progress(step="fetching", bytes=5, total_bytes=9, file="x", rate=2))
        server.downloads.finish(name)
    await pull_running(
        server.running, ["ear", "mouth"], lambda name, told: seen.append((name, told.step)), is_for_use=True
    )
    assert {("ear", "done"), ("mouth", "done")} <= set(seen)
    assert sorted(server.room.used) == [("stt", "ear"), ("tts", "mouth")]


async def test_what_fails_there_is_told_when_all_have_ended(server: Server) -> None:
    server.downloads.fail("ear", HubUnreachable("There is no connection."))
    server.downloads.finish("mouth")
    with pytest.raises(DownloadError, match="ear: There is no connection"):
        await pull_running(server.running, ["ear", "mouth"], lambda name, told: None, is_for_use=False)
    assert server.desk.state("mouth").is_installed


async def test_what_it_refuses_is_told(server: Server) -> None:
    with pytest.raises(DownloadError, match="nobody"):
        await pull_running(server.running, ["nobody"], lambda name, told: None, is_for_use=False)


async def test_stopping_the_command_stops_the_server_s_download(server: Server) -> None:
    begun = asyncio.Event()
    task = asyncio.create_task(
        pull_running(server.running, ["ear"], lambda name, told: begun.set(), is_for_use=False)
    )
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.desk.state("ear").state == "absent"
    assert server.downloads.ended == ["ear"]


async def test_what_the_page_cancels_ends_the_command(server: Server) -> None:
    begun = asyncio.Event()
    task = asyncio.create_task(
        pull_running(server.running, ["ear"], lambda name, told: begun.set(), is_for_use=True)
    )
    await begun.wait()
    await server.desk.cancel("ear")
    with pytest.raises(DownloadError, match="ear: its download was cancelled"):
        await task


async def test_a_choice_that_overtakes_it_ends_the_command(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        states = ("downloading", "installed", "loading", "installed")
        events = [f'data: {{"models": [{{"id": "ear", "state": "{state}"}}]}}\n\n' for state in states]
        return httpx.Response(202 if request.method == "POST" else 200, text="".join(events))

    client = httpx.AsyncClient(base_url="http://server/", transport=httpx.MockTransport(answer))
    monkeypatch.setattr("sottovoce.cli.pull_running.client_of", lambda server: client)
    with pytest.raises(DownloadError, match="another model was chosen"):
        await pull_running(server.running, ["ear"], lambda name, told: None, is_for_use=True)


async def test_news_in_another_form_are_a_failure(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text='data: {"models": 1}\n\n')

    client = httpx.AsyncClient(base_url="http://server/", transport=httpx.MockTransport(answer))
    monkeypatch.setattr("sottovoce.cli.pull_running.client_of", lambda server: client)
    with pytest.raises(DownloadError, match="not known here"):
        await pull_running(server.running, ["ear"], lambda name, told: None, is_for_use=True)
