from __future__ import annotations

import pytest
from livekit.agents import llm
from livekit.agents.language import LanguageCode

from sottovoce.conversation.turn_detection import THRESHOLD, WordsTurnDetector, is_complete


@pytest.mark.parametrize(
    "text",
    [
        "what time is it",
        "tell me a joke",
        "turn it on",
        "what is it for",
        "where are you from",
        "stop",
        "",
        "I went to the.",
        "how old are you",
        "set a timer for ten minutes",
    ],
)
def test_whole_turns(text: str) -> None:
    assert is_complete(text)


@pytest.mark.parametrize(
    "text",
    ["set a timer for", "what is twelve times", "remind me to", "and then the", "I would like um", "because"],
)
def test_unfinished_turns(text: str) -> None:
    assert not is_complete(text)


async def test_the_detector_judges_the_last_message() -> None:
    detector = WordsTurnDetector()
    context = llm.ChatContext.empty()
    assert await detector.predict_end_of_turn(context) > THRESHOLD
    context.add_message(role="user", content="set a timer for")
    assert await detector.predict_end_of_turn(context) < THRESHOLD
    assert await detector.supports_language(LanguageCode("en-GB"))
    assert not await detector.supports_language(LanguageCode("de"))
