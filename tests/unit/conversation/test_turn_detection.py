from __future__ import annotations

import asyncio

import pytest
from livekit.agents import llm
from livekit.agents.language import LanguageCode

from sottovoce.conversation.turn_detection import THRESHOLD, WordsTurnDetector, is_complete
from tests import virtual_time


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


async def nothing_to_wait_for() -> None: ...


async def test_the_detector_judges_the_last_message() -> None:
    detector = WordsTurnDetector(nothing_to_wait_for)
    context = llm.ChatContext.empty()
    assert await detector.predict_end_of_turn(context) > THRESHOLD
    context.add_message(role="user", content="set a timer for")
    assert await detector.predict_end_of_turn(context) < THRESHOLD
    detector.is_patient = False
    assert await detector.predict_end_of_turn(context) > THRESHOLD
    assert await detector.supports_language(LanguageCode("en-GB"))
    assert await detector.supports_language(LanguageCode(""))
    assert not await detector.supports_language(LanguageCode("de"))


async def test_the_detector_waits_for_transcripts_on_their_way() -> None:
    are_there = asyncio.Event()

    async def settled() -> None:
        await are_there.wait()

    judging = asyncio.create_task(WordsTurnDetector(settled).predict_end_of_turn(llm.ChatContext.empty()))
    await asyncio.sleep(0)
    assert not judging.done()
    are_there.set()
    assert await judging > THRESHOLD


def test_a_transcript_that_never_comes_does_not_hold_the_turn_for_ever() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    detector = WordsTurnDetector(never)
    assert virtual_time.run(detector.predict_end_of_turn(llm.ChatContext.empty())) > THRESHOLD
