"""pipecat's OpenAI services in pipelines of its own: realtime, STT (by REST and by Realtime), TTS and LLM."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.clients.microphone import SPOKEN_QUESTION, SPOKEN_TIME
from tests.clients.pipecat_client import play
from tests.clients.servers import Live
from tests.clients.side_by_side import Played, side_by_side

QUESTION = "what is twelve times seven"
REALTIME = ("text", "spoken", "tools", "manual", "errors")
ENGINES = ("stt", "realtime_stt", "server_vad_stt", "tts", "llm", "errors")
SCENARIOS = {
    "realtime interruption": SPOKEN_TIME,
    **{f"realtime {name}": SPOKEN_QUESTION for name in REALTIME},
    **{f"engines {name}": SPOKEN_QUESTION for name in ENGINES},
}


@pytest.fixture(scope="module")
def played(live: Live) -> Iterator[Played]:
    with side_by_side(partial(play, live), SCENARIOS) as played:
        yield played


def said(found: dict[str, Any], role: str) -> list[str]:
    """What its context holds of `role`, tool calls aside."""
    return [
        message["content"]
        for message in found["messages"]
        if message["role"] == role and "content" in message
    ]


def is_sums(text: str) -> bool:
    return "84" in text or "eighty" in text


# -- OpenAIRealtimeLLMService


def test_a_written_turn_is_answered_aloud(played: Played) -> None:
    found = played("realtime text")
    assert found["errors"] == []
    assert is_sums(" ".join(said(found, "assistant")))
    assert 0.5 < found["played"] < 6


def test_spoken_turns_are_heard_and_answered(played: Played) -> None:
    found = played("realtime spoken")
    assert found["errors"] == []
    assert found["heard"] == [QUESTION, QUESTION]
    assert said(found, "user") == [QUESTION, QUESTION]
    assert [is_sums(text) for text in said(found, "assistant")] == [True, True]
    assert found["item"]["content"][0]["transcript"] == QUESTION


def test_a_tool_is_run_and_its_answer_told(played: Played) -> None:
    found = played("realtime tools")
    assert found["errors"] == []
    assert found["asked"] == ["Paris"]
    assert "sunny" in said(found, "assistant")[-1]


def test_speech_interrupts_and_the_reply_is_truncated(played: Played) -> None:
    found = played("realtime interruption")
    assert found["errors"] == []
    assert found["heard"] == ["what time is it"]
    assert found["item"]["status"] == "incomplete"
    assert "forty" not in found["item"]["content"][0]["transcript"]
    assert "forty" not in " ".join(said(found, "assistant"))


def test_turns_found_by_its_own_vad_are_committed(played: Played) -> None:
    found = played("realtime manual")
    assert found["errors"] == []
    assert found["heard"] == [QUESTION]
    assert is_sums(said(found, "assistant")[-1])


def test_errors_cost_no_more_than_they_must(played: Played) -> None:
    found = played("realtime errors")
    assert found["errors"] == []
    assert "item_of_nobody" in found["missing"]
    assert found["item"]["content"][0]["text"] == QUESTION
    assert "401" in found["refused"]


# -- OpenAISTTService, OpenAIRealtimeSTTService, OpenAITTSService, OpenAILLMService


@pytest.mark.parametrize("service", ["stt", "realtime_stt", "server_vad_stt"])
def test_speech_is_recognised(played: Played, service: str) -> None:
    found = played(f"engines {service}")
    assert found["errors"] == []
    assert found["finals"] == [QUESTION, QUESTION]


def test_speech_is_synthesised(played: Played) -> None:
    found = played("engines tts")
    assert found["errors"] == []
    assert 0.4 < found["seconds"] < 2


def test_a_chat_runs_its_tool(played: Played) -> None:
    found = played("engines llm")
    assert found["errors"] == []
    assert found["asked"] == ["Paris"]
    assert "sunny" in said(found, "assistant")[-1]


def test_a_wrong_key_is_told_by_each(played: Played) -> None:
    found = played("engines errors")
    assert all("401" in error for error in found.values())
    assert found.keys() == {"stt", "tts", "llm"}
