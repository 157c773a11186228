"""How the names and ports of containers become those of one machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.as_compose.folders import Folders, placed
from deploy.as_compose.loopback import Loopback
from deploy.as_compose.project import Project, Service, read_project
from deploy.as_compose.stack import ComposeError, Stack
from tests.deploy.example import good_settings


@pytest.fixture(scope="module")
def project() -> Project:
    return read_project(good_settings() | {"COMPOSE_PROFILES": "whisper"})


@pytest.fixture
def loopback(project: Project) -> Loopback:
    return Loopback.of(project)


def test_every_port_that_anybody_listens_on_has_one_here(loopback: Loopback) -> None:
    assert set(loopback.ports) == {
        ("stt-whisper", 9001),
        ("llm", 9002),
        ("tts", 9003),
        ("gateway", 8080),
        ("worker", 8081),
        *(("livekit", port) for port in (7880, 7881, 7882)),
    }
    assert len(set(loopback.ports.values())) == len(loopback.ports)


def test_who_is_named_is_found(project: Project, loopback: Loopback) -> None:
    """By the name of its service, by an alias, and by what it publishes."""
    given = loopback.environment(project.services["gateway"])
    assert given["LIVEKIT_URL"] == f"ws://127.0.0.1:{loopback.ports['livekit', 7880]}"
    assert given["SOTTOVOCE_STT_URL"] == f"http://127.0.0.1:{loopback.ports['stt-whisper', 9001]}/v1"
    assert given["SOTTOVOCE_LIVEKIT_PUBLIC_URL"] == f"ws://127.0.0.1:{loopback.ports['livekit', 7880]}"


def test_what_is_no_address_stays_what_it_is(project: Project, loopback: Loopback) -> None:
    gateway = project.services["gateway"]
    changed = {
        name for name, value in loopback.environment(gateway).items() if gateway.environment[name] != value
    }
    assert changed == {
        "LIVEKIT_URL",
        "SOTTOVOCE_LIVEKIT_PUBLIC_URL",
        *(f"SOTTOVOCE_{kind}_URL" for kind in ("STT", "LLM", "TTS")),
    }


def test_a_service_listens_where_it_is_asked_for_its_health(project: Project, loopback: Loopback) -> None:
    llm = project.services["llm"]
    port = str(loopback.ports["llm", 9002])
    assert loopback.command(llm) == ["llm", "--host", "127.0.0.1", "--port", port]
    assert loopback.health_test(llm)[-1] == f"http://127.0.0.1:{port}/readyz"


def test_livekit_is_told_its_ports_and_keeps_its_keys(project: Project, loopback: Loopback) -> None:
    config = json.loads(loopback.environment(project.services["livekit"])["LIVEKIT_CONFIG"])
    gateway = project.services["gateway"].environment
    assert config["keys"] == {gateway["LIVEKIT_API_KEY"]: gateway["LIVEKIT_API_SECRET"]}
    assert config["port"] == loopback.ports["livekit", 7880]
    assert config["rtc"]["udp_port"] == loopback.ports["livekit", 7882]
    assert config["rtc"]["stun_servers"] == ["127.0.0.1:9"]
    assert config["bind_addresses"] == ["127.0.0.1"]


def test_volumes_are_shared_and_the_rest_is_not(project: Project, tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    stt, llm = (folders.prepare(project.services[name]) for name in ("stt-whisper", "llm"))
    (stt["/data"] / "models" / "kept").touch()
    assert (llm["/data"] / "models" / "kept").exists()
    assert stt["/data"] != llm["/data"]
    assert placed("/data/cache", stt) == str(stt["/data"] / "cache")
    assert placed("/database", stt) == "/database"


def test_an_image_that_no_program_stands_in_for_is_named(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ComposeError, match="livekit/livekit-server"):
        Stack(project, tmp_path, {}).spawn(project.services["livekit"])


def test_keys_are_not_shown(project: Project) -> None:
    service: Service = project.services["gateway"]
    assert service.environment["SOTTOVOCE_API_KEY"] not in repr(project)
