"""npm `openai`, Realtime: it knows no address but `wss:`, so this goes over TLS, the certificate trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.microphone import SPOKEN_QUESTION, SPOKEN_TIME
from tests.clients.node_client import Scenarios
from tests.clients.servers import SESSIONS, Secured
from tests.clients.side_by_side import Played, side_by_side

QUESTION = "what is twelve times seven"


SCENARIOS = {
    **dict.fromkeys(
        ("text", "spoken", "tool", "manual", "errors", "secret", "transcription"), SPOKEN_QUESTION
    ),
    "interruption": SPOKEN_TIME,
}


@pytest.fixture(scope="module")
def played(secured: Secured, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    trusted = {"NODE_EXTRA_CA_CERTS": str(secured.certificate)}
    folder = tmp_path_factory.mktemp("realtime")
    scenarios = Scenarios("openai_realtime.mjs", secured.live, folder, **trusted)
    with side_by_side(scenarios.play, SCENARIOS, at_once=SESSIONS) as played:
        yield played


def is_sums(reply: dict[str, Any]) -> bool:
    words = reply["words"] or reply["text"]
    return reply["status"] == "completed" and ("84" in words or "eighty" in words)


def test_a_written_turn_is_answered_aloud_and_in_writing(played: Played) -> None:
    found = played("text")
    assert is_sums(found["aloud"])
    assert 0.5 < found["aloud"]["seconds"] < 6
    assert found["modalities"] == ["text"]
    assert is_sums(found["written"])
    assert found["written"]["seconds"] == 0


def test_a_spoken_turn_is_heard_and_answered(played: Played) -> None:
    found = played("spoken")
    assert [event["transcript"] for event in found["heard"]] == [QUESTION]
    assert is_sums(found["reply"])


def test_a_tool_is_called_and_its_answer_told(played: Played) -> None:
    found = played("tool")
    (call,) = [item for item in found["asked"]["output"] if item["type"] == "function_call"]
    assert (call["name"], call["arguments"]) == ("get_weather", '{"city": "Paris"}')
    assert "sunny" in found["told"]["words"]


def test_speech_interrupts_and_the_reply_is_truncated(played: Played) -> None:
    found = played("interruption")
    assert (found["cut"]["status"], found["cut"]["reason"]) == ("cancelled", "turn_detected")
    assert found["truncated"]["item_id"] == found["item_id"]
    assert found["next"]["status"] == "completed"


def test_a_turn_is_committed_by_hand(played: Played) -> None:
    found = played("manual")
    assert found["heard"]["transcript"] == QUESTION
    assert is_sums(found["reply"])


def test_errors_name_their_event(played: Played) -> None:
    found = played("errors")
    assert [(error["event_id"], error["code"]) for error in found["told"]] == [
        ("e1", "response_cancel_not_active"),
        ("e2", "input_audio_buffer_commit_empty"),
        ("e3", "invalid_value"),
    ]
    assert "401" in found["refused"]


def test_an_ephemeral_secret_connects(played: Played) -> None:
    found = played("secret")
    assert found["value"].startswith("ek_")
    assert found["instructions"] == "Be brief."


def test_a_session_may_only_transcribe(played: Played) -> None:
    found = played("transcription")
    assert found["session"]["type"] == "transcription"
    assert found["heard"]["transcript"] == QUESTION
