"""`serve --livekit`: what is refused before anything starts, and what is told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sottovoce.cli.app import run
from sottovoce.cli.greeting import _greeting
from sottovoce.config import Settings
from sottovoce.gateway.routes import page
from sottovoce.livekit.server.managed import LiveKitPlan
from sottovoce.services.supervisor import Supervisor
from tests.livekit_server import livekit_program

SECRET = "s" * 32


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an engine was about to be started")

    monkeypatch.setattr(Supervisor, "start", refuse)
    monkeypatch.setattr(page, "check_page", lambda: None)
    monkeypatch.setenv("SOTTOVOCE_PORT", "0")
    monkeypatch.setenv("SOTTOVOCE_PROFILE", "embedded")
    return


def test_without_a_server_the_ways_to_get_one_are_told(
    nothing_starts: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOTTOVOCE_LIVEKIT_PROGRAM", "/nowhere/livekit-server")
    assert run(["serve", "--livekit"]) != 0
    told = capsys.readouterr().err
    assert "/nowhere/livekit-server" in told
    assert "make livekit" in told


def test_a_taken_port_is_told_before_anything_starts(
    nothing_starts: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOTTOVOCE_LIVEKIT", "managed")
    monkeypatch.setenv("SOTTOVOCE_LIVEKIT_PROGRAM", livekit_program())
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        monkeypatch.setenv("SOTTOVOCE_LIVEKIT_PORT", str(taken.getsockname()[1]))
        assert run(["serve"]) != 0
    assert "SOTTOVOCE_LIVEKIT_PORT" in capsys.readouterr().err


def greeting(settings: Settings, plan: LiveKitPlan | None = None) -> dict[str, str]:
    return dict(_greeting(settings, "http://127.0.0.1:8080", {}, None, plan))


def livekit(**given: Any) -> dict[str, Any]:
    return {"port": 0, "tcp_port": 0, "udp_port": 0, **given}


def test_the_greeting_tells_where_rooms_are(home: Path) -> None:
    settings = Settings(home=home, livekit=livekit(server="managed", program=livekit_program()))
    plan = LiveKitPlan.of(settings)
    told = greeting(settings, plan)
    assert told["Rooms"].startswith("livekit-server ")
    assert told[""] == f"signalling through this server, media at 127.0.0.1, UDP {plan.ports.udp}"
    assert list(told)[-1] == "End"


def test_the_greeting_tells_when_both_a_server_elsewhere_and_one_here_were_asked_for(home: Path) -> None:
    remote = {"url": "wss://rooms.example", "api_key": "APIx", "api_secret": SECRET}
    told = greeting(Settings(home=home, livekit=livekit(**remote)))
    assert "wss://rooms.example" in told["Rooms"]
    assert "" not in told
    told = greeting(Settings(home=home, livekit=livekit(server="managed", **remote)))
    assert "LIVEKIT_URL wins" in told[""]
    assert SECRET not in str(told)
