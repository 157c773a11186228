from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sottovoce.cli.finding import Finding
from sottovoce.cli.livekit_checks import LIVEKIT_CHECKS
from sottovoce.config import Settings
from sottovoce.livekit.server import program as server_program
from sottovoce.livekit.server.keys import KEYS_FILE, load_or_create_keys

SECRET = "s" * 32
MANAGED = {"server": "managed", "port": 0, "tcp_port": 0, "udp_port": 0}


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "livekit-server"
    path.write_text("#!/bin/sh\necho livekit-server version 1.13.5\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setattr(server_program.find_program, "__defaults__", (None, tmp_path / "nowhere"))
    return


def findings(home: Path, **livekit: Any) -> dict[str, Finding]:
    settings = Settings(home=home, port=0, livekit=livekit)
    return {each.name: each for check in LIVEKIT_CHECKS for each in check(settings)}


def test_a_machine_that_is_ready_for_rooms(home: Path, program: str) -> None:
    found = findings(home, program=program, **MANAGED)
    assert {each.state for each in found.values()} == {"ok"}
    assert found["LiveKit"].detail == f"livekit-server 1.13.5 at {program}"
    assert "are free; media at 127.0.0.1" in found["LiveKit ports"].detail
    assert "none yet" in found["LiveKit keys"].detail


def test_rooms_that_are_off_need_nothing(home: Path, nothing_installed: None) -> None:
    found = findings(home)
    assert list(found) == ["LiveKit"]
    assert found["LiveKit"].state == "ok"
    assert "make livekit" in found["LiveKit"].detail


def test_a_missing_program_is_broken_when_rooms_are_on(home: Path, nothing_installed: None) -> None:
    found = findings(home, **MANAGED)["LiveKit"]
    assert found.state == "broken"
    assert found.detail == "There is no livekit-server that can be run here."
    assert "brew install livekit" in found.cure


def test_a_taken_port_is_broken(home: Path, program: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        found = findings(home, program=program, **{**MANAGED, "port": port})["LiveKit ports"]
    assert found.state == "broken"
    assert found.cure == "Choose another: SOTTOVOCE_LIVEKIT_PORT"


def test_keys_that_others_can_read_are_broken(home: Path, program: str) -> None:
    load_or_create_keys(Settings(home=home))
    (home / KEYS_FILE).chmod(0o640)
    found = findings(home, program=program, **MANAGED)["LiveKit keys"]
    assert found.state == "broken"
    assert "can be read by others" in found.detail


def test_a_server_elsewhere_that_is_silent_is_broken(home: Path) -> None:
    found = findings(home, url="ws://127.0.0.1:9", api_key="APIx", api_secret=SECRET)
    assert found["LiveKit"].state == "broken"
    assert "ws://127.0.0.1:9 does not answer" in found["LiveKit"].detail
    assert found["LiveKit keys"].state == "ok"
