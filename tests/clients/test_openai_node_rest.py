"""npm `openai`, REST: what its users call, and what its errors say."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator

import pytest

from tests.clients.microphone import SPOKEN_QUESTION
from tests.clients.node_client import Scenarios
from tests.clients.servers import Live
from tests.clients.side_by_side import Played, side_by_side
from tests.clients.sounds import CONTENT_TYPES, seconds_of

QUESTION = "what is twelve times seven"


SCENARIOS = ("speech", "transcriptions", "chat", "tools", "models", "errors")


@pytest.fixture(scope="module")
def played(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    scenarios = Scenarios("openai_rest.mjs", live, tmp_path_factory.mktemp("rest"))
    with side_by_side(scenarios.play, dict.fromkeys(SCENARIOS, SPOKEN_QUESTION)) as played:
        yield played


def test_speech_comes_in_every_format(played: Played) -> None:
    found = played("speech")
    assert {form: one["type"] for form, one in found.items()} == CONTENT_TYPES
    seconds = {form: seconds_of(b64decode(one["sound"]), form) for form, one in found.items()}
    assert 0.5 < seconds["pcm"] < 3
    assert seconds == pytest.approx(dict.fromkeys(seconds, seconds["pcm"]), abs=0.15)


def test_a_recording_is_transcribed_in_every_format(played: Played) -> None:
    found = played("transcriptions")
    assert found["json"]["text"] == found["translated"]["text"] == QUESTION
    assert found["text"].strip() == QUESTION
    assert found["srt"].startswith("1\n00:00:00,")
    assert found["vtt"].startswith("WEBVTT")
    assert [word["word"] for word in found["verbose"]["words"]] == QUESTION.split()
    *deltas, done = found["streamed"]
    assert "".join(event["delta"] for event in deltas) == done["text"] == QUESTION


def test_a_chat_is_streamed_and_shaped(played: Played) -> None:
    found = played("chat")
    *chunks, last = found["chunks"]
    assert "84" in "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert last["usage"]["completion_tokens"] > 0
    assert "84" in found["shaped"]["answer"]


def test_its_tool_runner_runs_the_tools(played: Played) -> None:
    found = played("tools")
    assert found["asked"] == [{"city": "Paris"}]
    assert "sunny" in found["answer"]


def test_models_are_listed_and_found(played: Played) -> None:
    found = played("models")
    assert len(found["listed"]) >= 3
    assert found["alias"]["object"] == "model"
    assert (found["unknown"]["name"], found["unknown"]["code"]) == ("NotFoundError", "model_not_found")


def test_errors_are_typed_and_say_what_is_wrong(played: Played) -> None:
    found = played("errors")
    assert {name: (error["name"], error["status"], error["code"]) for name, error in found.items()} == {
        "key": ("AuthenticationError", 401, "invalid_api_key"),
        "model": ("NotFoundError", 404, "model_not_found"),
        "messages": ("BadRequestError", 400, found["messages"]["code"]),
        "voice": ("BadRequestError", 400, found["voice"]["code"]),
        "file": ("BadRequestError", 400, found["file"]["code"]),
    }
    assert [found[name]["param"] for name in ("messages", "voice", "file")] == ["messages", "voice", "file"]
    assert all(error["requestID"] for error in found.values())
