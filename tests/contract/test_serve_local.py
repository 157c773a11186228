"""`serve --profile local` fetches what it promises, waits for it, and says who talks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import fake_hub
from tests.fake_hub import FakeHub
from tests.live_server import Server
from tests.made_models import kokoro

SETTINGS = """
profile = "local"
hub_url = "{hub}"
stt = {{ model = "embedded" }}
llm = {{ model = "embedded" }}
tts = {{ model = "my-voice" }}

[[models]]
id = "my-voice"
kind = "tts"
engine = "sherpa-tts"
family = "kokoro"
source = {{ repo = "me/voice" }}
"""
TOLD_WITHIN = 60.0

pytestmark = [pytest.mark.timeout(150), pytest.mark.end_to_end]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    folder = kokoro.make_tone_voice(tmp_path / "voice")
    with fake_hub.running() as hub:
        hub.repos["me/voice"] = {file.name: file.read_bytes() for file in folder.iterdir()}
        yield hub


@pytest.fixture
def server(home: Path, hub: FakeHub, tmp_path: Path) -> Iterator[Server]:
    file = tmp_path / "sottovoce.toml"
    file.write_text(SETTINGS.format(hub=hub.url))
    server = Server(home, "--config", str(file))
    yield server
    server.stop()


def wait_for(server: Server, text: str) -> None:
    deadline = time.monotonic() + TOLD_WITHIN
    while text not in server.log.read_text():
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.1)


def test_a_model_is_fetched_and_loaded_before_the_greeting(server: Server, hub: FakeHub) -> None:
    server.start()
    wait_for(server, "End    Ctrl-C")
    told = server.log.read_text()
    fetching, loading = told.index("Fetching what"), told.index("tts  my-voice loading")
    ready, greeting = told.index("tts  my-voice ready"), told.index("speaks my-voice")
    assert fetching < loading < ready < greeting
    headers = {"authorization": f"Bearer {server.key}"}
    status = httpx.get(f"{server.url}/api/status", headers=headers, trust_env=False).json()
    assert status["engines"]["tts"]["model"] == "my-voice"
    assert status["engines"]["stt"]["model"] == "pocketsphinx"
    assert len(hub.fetched("model.onnx")) == 1


def test_what_is_damaged_goes_on_without_and_says_why(server: Server, hub: FakeHub) -> None:
    """A file that the hub itself has cut is what it should be, as far as downloading goes."""
    whole = hub.repos["me/voice"]["model.onnx"]
    hub.repos["me/voice"]["model.onnx"] = whole[: len(whole) // 2]
    server.start()
    wait_for(server, "speaks espeak-ng, for my-voice failed")
    assert "model.onnx" in server.log.read_text()
