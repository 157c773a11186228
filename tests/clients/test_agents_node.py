"""@openai/agents-realtime in Node over WebSocket.

No error event may come but where one is asked for: it sends a `conversation.item.retrieve` after every
transcript, and an event that it cannot read has no effect on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.agents_talk import expect_calm, expect_rewritten, expect_sums, said
from tests.clients.microphone import SPOKEN_QUESTION, SPOKEN_TIME
from tests.clients.node_client import Scenarios
from tests.clients.servers import Live
from tests.clients.side_by_side import Played, side_by_side

QUESTION = "what is twelve times seven"


SCENARIOS = {
    **dict.fromkeys(("text", "spoken", "tools", "stop", "manual", "history", "errors"), SPOKEN_QUESTION),
    "interruption": SPOKEN_TIME,
}


@pytest.fixture(scope="module")
def played(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    scenarios = Scenarios("agents.mjs", live, tmp_path_factory.mktemp("agents"))
    with side_by_side(scenarios.play, SCENARIOS) as played:
        yield played


def calm(found: Any) -> Any:
    expect_calm(found)
    assert found["unread"] == []
    return found


def test_a_written_turn(played: Played) -> None:
    found = calm(played("text"))
    user, assistant = found["history"]
    assert said(user) == QUESTION
    expect_sums(assistant)
    assert found["usage"]["totalTokens"] > 0


def test_a_spoken_turn(played: Played) -> None:
    found = calm(played("spoken"))
    user, assistant = found["history"]
    assert (said(user), user["status"]) == (QUESTION, "completed")
    expect_sums(assistant)
    assert 0.5 < found["heard"] < 6


def test_a_tool_is_run_and_its_answer_told(played: Played) -> None:
    found = calm(played("tools"))
    assert found["asked"] == [{"city": "Paris"}]
    call = next(item for item in found["history"] if item["type"] == "function_call")
    assert (call["name"], call["status"]) == ("get_weather", "completed")
    assert "sunny" in said(found["history"][-1])


def test_speech_interrupts_and_truncates(played: Played) -> None:
    found = calm(played("interruption"))
    assert found["interruptions"] == 1
    assert (found["cut"]["status"], found["cut"]["status_details"]["reason"]) == (
        "cancelled",
        "turn_detected",
    )
    assert "conversation.item.truncated" in found["types"]
    _, counted, asked, told = found["history"]
    assert counted["status"] == "incomplete"
    assert "forty" not in said(counted)
    assert said(asked) == "what time is it"
    assert told["status"] == "completed"


def test_its_own_interrupt_leaves_it_able_to_ask(played: Played) -> None:
    found = calm(played("stop"))
    assert found["cut"]["status"] == "cancelled"
    assert found["history"][1]["status"] == "incomplete"
    assert found["next"]["status"] == "completed"
    expect_sums(found["history"][-1])


def test_a_turn_committed_by_hand(played: Played) -> None:
    found = calm(played("manual"))
    assert found["transcript"] == QUESTION
    assert "input_audio_buffer.speech_started" not in found["types"]
    expect_sums(found["history"][-1])


def test_its_history_can_be_rewritten(played: Played) -> None:
    expect_rewritten(calm(played("history")))


def test_errors_are_told_and_cost_nothing(played: Played) -> None:
    found = played("errors")
    assert (found["error"]["code"], found["error"]["event_id"]) == ("input_audio_buffer_commit_empty", "vain")
    assert found["errors"] == [found["error"]["message"]]
    assert found["response"]["status"] == "completed"
    assert "401" in found["refused"]
