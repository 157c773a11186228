"""npm `openai`, Realtime: it knows no address but `wss:`, so this goes over TLS, the certificate trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Secured
from tests.clients.node_client import Scenarios

QUESTION = "what is twelve times seven"


@pytest.fixture
def scenarios(secured: Secured, tmp_path: Path) -> Scenarios:
    trusted = {"NODE_EXTRA_CA_CERTS": str(secured.certificate)}
    return Scenarios("openai_realtime.mjs", secured.live, tmp_path, **trusted)


def is_sums(reply: dict[str, Any]) -> bool:
    words = reply["words"] or reply["text"]
    return reply["status"] == "completed" and ("84" in words or "eighty" in words)


def test_a_written_turn_is_answered_aloud_and_in_writing(scenarios: Scenarios) -> None:
    found = scenarios.play("text")
    assert is_sums(found["aloud"])
    assert 0.5 < found["aloud"]["seconds"] < 6
    assert found["modalities"] == ["text"]
    assert is_sums(found["written"])
    assert found["written"]["seconds"] == 0


def test_a_spoken_turn_is_heard_and_answered(scenarios: Scenarios) -> None:
    found = scenarios.play("spoken")
    assert [event["transcript"] for event in found["heard"]] == [QUESTION]
    assert is_sums(found["reply"])


def test_a_tool_is_called_and_its_answer_told(scenarios: Scenarios) -> None:
    found = scenarios.play("tool")
    (call,) = [item for item in found["asked"]["output"] if item["type"] == "function_call"]
    assert (call["name"], call["arguments"]) == ("get_weather", '{"city": "Paris"}')
    assert "sunny" in found["told"]["words"]


def test_speech_interrupts_and_the_reply_is_truncated(scenarios: Scenarios) -> None:
    found = scenarios.play("interruption", says="dialogue-what-time-is-it-slt")
    assert (found["cut"]["status"], found["cut"]["reason"]) == ("cancelled", "turn_detected")
    assert found["truncated"]["item_id"] == found["item_id"]
    assert found["next"]["status"] == "completed"


def test_a_turn_is_committed_by_hand(scenarios: Scenarios) -> None:
    found = scenarios.play("manual")
    assert found["heard"]["transcript"] == QUESTION
    assert is_sums(found["reply"])


def test_errors_name_their_event(scenarios: Scenarios) -> None:
    found = scenarios.play("errors")
    assert [(error["event_id"], error["code"]) for error in found["told"]] == [
        ("e1", "response_cancel_not_active"),
        ("e2", "input_audio_buffer_commit_empty"),
        ("e3", "invalid_value"),
    ]
    assert "401" in found["refused"]


def test_an_ephemeral_secret_connects(scenarios: Scenarios) -> None:
    found = scenarios.play("secret")
    assert found["value"].startswith("ek_")
    assert found["instructions"] == "Be brief."


def test_a_session_may_only_transcribe(scenarios: Scenarios) -> None:
    found = scenarios.play("transcription")
    assert found["session"]["type"] == "transcription"
    assert found["heard"]["transcript"] == QUESTION
