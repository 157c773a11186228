"""A model comes into the volume that engines share, once, and the engine that it is set for serves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from deploy.as_compose.project import Service, read_project
from deploy.as_compose.stack import Running, Stack
from tests import fake_hub
from tests.deploy.example import good_settings
from tests.fake_hub import FakeHub
from tests.live_server import free_port
from tests.made_models import kokoro

CATALOGUE = """
[[models]]
id = "my-voice"
kind = "tts"
engine = "sherpa-tts"
family = "kokoro"
source = { repo = "me/voice" }
"""

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(150)]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    folder = kokoro.make_tone_voice(tmp_path / "voice")
    with fake_hub.running() as hub:
        hub.repos["me/voice"] = {file.name: file.read_bytes() for file in folder.iterdir()}
        yield hub


def stack(folder: Path, hub_url: str) -> Stack:
    """As a deployer sets it, who has a model of their own in a `sottovoce.toml` beside the data."""
    models = {
        "SOTTOVOCE_STT_MODEL": "embedded",
        "SOTTOVOCE_LLM_MODEL": "embedded",
        "SOTTOVOCE_TTS_MODEL": "my-voice",
    }
    settings = good_settings() | models | {"SOTTOVOCE_PROFILE": "local", "SOTTOVOCE_HUB_URL": hub_url}
    made = Stack(read_project(settings), folder, {})
    for name in ("prepare", "tts"):
        (made.folders.prepare(made.project.services[name])["/data"] / "sottovoce.toml").write_text(CATALOGUE)
    return made


def finished(stack: Stack, service: Service) -> Running:
    running = stack.spawn(service)
    running.process.wait()
    return running


def served(stack: Stack) -> tuple[list[str], str]:
    """The models that the tts service has when it is healthy, and what it said."""
    tts = stack.project.services["tts"]
    running = stack.running["tts"] = stack.spawn(replace(tts, dependencies=()))
    try:
        stack.await_health(running)
        key = {"Authorization": f"Bearer {tts.environment['SOTTOVOCE_SERVICE_KEY']}"}
        reply = httpx.get(f"{stack.url('tts', 9003)}/v1/models", headers=key, trust_env=False)
        return [model["id"] for model in reply.json()["data"]], running.log.read_text()
    finally:
        stack.stop()


def test_what_a_setting_names_is_fetched_once_and_served(tmp_path: Path, hub: FakeHub) -> None:
    made = stack(tmp_path / "stack", hub.url)
    assert finished(made, made.project.services["prepare"]).process.returncode == 0
    assert len(hub.fetched("model.onnx")) == 1
    assert served(made)[0] == ["my-voice"]


@pytest.mark.parametrize("profile", ["local", "auto"])
def test_the_next_start_needs_no_hub(tmp_path: Path, hub: FakeHub, profile: str) -> None:
    """`local` is what compose asks for, `auto` what the chart does."""
    made = stack(tmp_path / "stack", hub.url)
    fetching = replace(made.project.services["prepare"], command=("models", "pull", "--profile", profile))
    assert finished(made, fetching).process.returncode == 0
    nobody = fetching.environment | {"SOTTOVOCE_HUB_URL": f"http://127.0.0.1:{free_port()}"}
    again = finished(made, replace(fetching, environment=nobody))
    assert again.process.returncode == 0, again.last_words
    assert "is here" in again.last_words


def test_a_model_that_cannot_be_fetched_stops_the_start_and_is_named(tmp_path: Path, hub: FakeHub) -> None:
    hub.repos.clear()
    made = stack(tmp_path / "stack", hub.url)
    failed = finished(made, made.project.services["prepare"])
    assert failed.process.returncode == 1
    assert "me/voice" in failed.last_words


def test_an_engine_whose_model_is_not_there_says_so_and_speaks_all_the_same(tmp_path: Path) -> None:
    made = stack(tmp_path / "stack", "http://127.0.0.1:9")
    models, said = served(made)
    assert models == ["espeak-ng"]
    assert "warning: tts" in said
    assert "my-voice" in said
