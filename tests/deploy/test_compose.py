"""The compose file, as Docker Compose itself reads it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import pytest

from deploy.as_compose.project import (
    COMPOSE_FILE,
    ComposeError,
    Project,
    compose_program,
    read_project,
    seconds,
)
from deploy.pins import images
from tests.deploy.example import EXAMPLE

OURS = {"prepare", "stt", "stt-whisper", "llm", "tts", "gateway", "worker"}
ALWAYS = {"prepare", "gateway", "worker", "livekit"}
ENGINES = {
    "cpu": {"stt", "llm", "tts"},
    "gpu": {"stt", "llm-gpu", "tts"},
    "whisper": {"stt-whisper", "llm", "tts"},
}
PROFILES = "cpu,gpu,whisper,https,sip"


def project(settings: dict[str, str], profiles: str) -> Project:
    return read_project(settings | {"COMPOSE_PROFILES": profiles})


def resolved(settings: dict[str, str]) -> dict[str, Any]:
    """Everything there is, in compose's own words."""
    command = [
        *compose_program(),
        "--env-file",
        os.devnull,
        "--file",
        str(COMPOSE_FILE),
        "config",
        "--format",
        "json",
    ]
    environment = {"PATH": os.environ["PATH"], **settings, "COMPOSE_PROFILES": PROFILES}
    services: dict[str, Any] = json.loads(subprocess.check_output(command, env=environment))
    return services


@pytest.mark.parametrize("engines", ENGINES)
def test_a_profile_chooses_where_each_engine_comes_from(example: dict[str, str], engines: str) -> None:
    chosen = project(example, engines)
    assert set(chosen.services) == ALWAYS | ENGINES[engines]
    answering = {name: chosen.named(name) for name in ("stt", "llm", "tts")}
    assert {service.name for service in answering.values() if service} == ENGINES[engines]


@pytest.mark.parametrize("name", ["https", "sip"])
def test_other_profiles_add_to_these(example: dict[str, str], name: str) -> None:
    added = set(project(example, f"cpu,{name}").services) - set(project(example, "cpu").services)
    assert added == {"https": {"caddy"}, "sip": {"redis", "sip"}}[name]


def test_whisper_hears_with_whisper(example: dict[str, str]) -> None:
    assert project(example, "whisper").services["stt-whisper"].environment["SOTTOVOCE_PROFILE"] == "whisper"


def test_a_key_that_is_missing_is_named() -> None:
    with pytest.raises(ComposeError, match=r"_KEY.*set it in \.env"):
        read_project({"COMPOSE_PROFILES": "cpu"})


def test_every_container_has_as_little_as_it_needs(example: dict[str, str]) -> None:
    for name, service in resolved(example)["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else []), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["pids_limit"] <= 512, name
        assert not service.get("privileged"), name
        assert service["restart"] == ("on-failure:3" if name == "prepare" else "unless-stopped")


def test_our_containers_have_bounded_memory_and_room_to_write(example: dict[str, str]) -> None:
    services = resolved(example)["services"]
    for name in OURS:
        assert any(each.startswith("/tmp:") for each in services[name]["tmpfs"])
        places = {each["target"] for each in services[name].get("volumes", ())}
        assert "/data" in places or any(each.startswith("/data:") for each in services[name]["tmpfs"])
        assert name == "prepare" or int(services[name]["mem_limit"]) >= 1 << 30


def test_engines_and_redis_are_reached_from_within_alone(example: dict[str, str]) -> None:
    whole = resolved(example)
    assert whole["networks"]["engines"]["internal"]
    assert whole["networks"]["rooms"]["internal"]
    for name, service in whole["services"].items():
        if name in ("stt", "stt-whisper", "llm", "llm-gpu", "tts"):
            assert set(service["networks"]) == {"engines"}
            assert "ports" not in service
    assert set(whole["services"]["worker"]["networks"]) == {"engines", "rooms"}, "it has no way out"
    assert {each["host_ip"] for each in whole["services"]["redis"]["ports"]} == {"127.0.0.1"}


def test_nothing_is_published_beyond_this_machine_unless_it_is_asked_for(example: dict[str, str]) -> None:
    services = resolved(example)["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"gateway", "livekit", "redis", "caddy"}
    del published["caddy"]  # what its profile is there for
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}


def test_whatever_waits_waits_for_health(example: dict[str, str]) -> None:
    for name, service in resolved(example)["services"].items():
        needs = service.get("depends_on", {})
        assert name == "prepare" or needs, name
        for other, how in needs.items():
            expected = "service_completed_successfully" if other == "prepare" else "service_healthy"
            assert how["condition"] == expected, (name, other)


def test_nobody_runs_before_the_settings_were_read(example: dict[str, str]) -> None:
    """`prepare` refuses the placeholders; all that others start with is behind it."""
    services = resolved(example)["services"]

    def is_after(name: str) -> bool:
        return name == "prepare" or any(is_after(other) for other in services[name].get("depends_on", ()))

    assert all(map(is_after, services))


def test_a_worker_is_given_longer_to_end_than_its_calls_may_take(example: dict[str, str]) -> None:
    worker = project(example, "cpu").services["worker"]
    assert worker.stop_grace > float(worker.environment["SOTTOVOCE_LIVEKIT_DRAIN_TIMEOUT"])


def test_each_service_gets_the_keys_it_needs_and_no_other(example: dict[str, str]) -> None:
    services = project(example, PROFILES).services
    holders = {
        key: {
            name
            for name, service in services.items()
            if any(example[key] in value for value in service.environment.values())
        }
        for key in ("SOTTOVOCE_API_KEY", "ENGINE_KEY", "LIVEKIT_API_SECRET")
    }
    engines = {"stt", "stt-whisper", "llm", "llm-gpu", "tts"}
    assert holders["SOTTOVOCE_API_KEY"] == {"prepare", "gateway"}
    assert holders["ENGINE_KEY"] == {"prepare", "gateway", "worker"} | engines
    assert holders["LIVEKIT_API_SECRET"] == {"prepare", "gateway", "worker", "livekit", "sip"}


def test_no_key_stands_on_a_command_line(example: dict[str, str]) -> None:
    for service in project(example, PROFILES).services.values():
        assert not any("change-me-" in word.replace("change-me*", "") for word in service.command)


def test_every_image_can_be_pinned(example: dict[str, str]) -> None:
    digests = dict.fromkeys(images(), f"sha256:{'0' * 64}")
    for name, service in project(example | digests, PROFILES).services.items():
        assert name in OURS or service.image.endswith(digests["NODE_DIGEST"]), name
    assert set(re.findall(r"^(\w+_DIGEST)=", EXAMPLE.read_text(), re.MULTILINE)) == set(images())


def test_the_example_tells_of_every_setting_that_has_no_default() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", COMPOSE_FILE.read_text()))
    assert asked <= set(re.findall(r"^(\w+)=", EXAMPLE.read_text(), re.MULTILINE))


def test_a_durations_notation_is_gos() -> None:
    assert (seconds("5m0s"), seconds("1.5s"), seconds("300ms"), seconds("1h1m")) == (300, 1.5, 0.3, 3660)
