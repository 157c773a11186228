"""Who copies the example and makes no keys gets nowhere: every role refuses by name, with exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.as_compose.project import ComposeError, read_project
from deploy.as_compose.stack import Stack
from tests.deploy.example import good_settings

pytestmark = pytest.mark.timeout(120)

REFUSED = {
    "prepare": "SOTTOVOCE_API_KEY",
    "gateway": "SOTTOVOCE_API_KEY",
    "worker": "SOTTOVOCE_STT_API_KEY",
    "stt": "SOTTOVOCE_SERVICE_KEY",
    "llm": "SOTTOVOCE_SERVICE_KEY",
    "tts": "SOTTOVOCE_SERVICE_KEY",
}


def stack(settings: dict[str, str], folder: Path) -> Stack:
    return Stack(read_project(settings), folder, {})


@pytest.mark.end_to_end
def test_every_role_refuses_the_example(example: dict[str, str], tmp_path: Path) -> None:
    tried = stack(example, tmp_path)
    started = {name: tried.spawn(tried.project.services[name]) for name in REFUSED}
    for name, setting in REFUSED.items():
        assert started[name].process.wait() == 2, name
        assert f"error: {setting}" in started[name].last_words, name
        assert "change-me" not in started[name].last_words, name


@pytest.mark.end_to_end
@pytest.mark.parametrize("key", ["ENGINE_KEY", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
def test_one_key_that_was_forgotten_stops_everything_before_it_starts(
    example: dict[str, str], key: str, tmp_path: Path
) -> None:
    tried = stack(good_settings() | {key: example[key]}, tmp_path)
    with pytest.raises(ComposeError, match="prepare failed") as refused:
        tried.start()
    assert set(tried.running) == {"prepare"}
    assert "_API_KEY" in str(refused.value) or "_API_SECRET" in str(refused.value)


@pytest.mark.parametrize("password", ["", "change-me-the-password-of-redis"])
def test_redis_refuses_it_too(password: str, tmp_path: Path) -> None:
    settings = good_settings() | {"COMPOSE_PROFILES": "cpu,sip", "REDIS_PASSWORD": password}
    redis = read_project(settings).services["redis"]
    tried = Stack(read_project(settings), tmp_path, {"docker.io/library/redis": []})
    refused = tried.spawn(redis)
    assert refused.process.wait() == 2
    assert "REDIS_PASSWORD" in refused.last_words
