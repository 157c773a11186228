"""Engines that refuse, hang, break off or come back: the session tells the user, and lives."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sottovoce.conversation.adapters import llm as llm_adapter
from sottovoce.conversation.adapters import recognition
from sottovoce.conversation.adapters import tts as tts_adapter
from sottovoce.conversation.events import (
    EngineFailed,
    ReplyFinished,
    ReplyText,
    Transcript,
    TranscriptionFailed,
)
from sottovoce.conversation.history import Message
from sottovoce.errors import EngineError
from tests.fake_engines import FakeEngines, running
from tests.recordings import recording
from tests.spoken import conversation

QUESTION = recording("dialogue-what-time-is-it-slt")


@pytest.fixture
async def engines() -> AsyncIterator[FakeEngines]:
    async with running() as fakes:
        yield fakes


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short for an engine that hangs, long for one that answers, even on a machine that is busy."""
    monkeypatch.setattr(recognition, "FINAL_DEADLINE", 1.5)
    monkeypatch.setattr(llm_adapter, "FIRST_TOKEN_DEADLINE", 1.5)
    monkeypatch.setattr(tts_adapter, "FIRST_AUDIO_DEADLINE", 1.5)


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_a_failing_model_is_apologised_for_aloud(engines: FakeEngines, fault: str) -> None:
    engines.failing["llm"] = fault
    engines.heard.append("what time is it")
    async with conversation(engines) as user:
        user.speak(QUESTION)
        failed = await user.expect(EngineFailed)
        finished = await user.expect(ReplyFinished)
        del engines.failing["llm"]
        engines.replies.append("Better now.")
        user.session.add_item(Message("item_typed", "user", "again"))
        user.session.respond()
        again = await user.expect(ReplyFinished)
    assert (failed.engine, failed.is_spoken) == ("llm", True)
    assert finished.heard == EngineError.spoken_hint
    assert EngineError.spoken_hint.startswith(engines.spoken[0].strip())
    assert again.heard == "Better now."


async def test_a_model_that_breaks_off_keeps_what_it_said(engines: FakeEngines) -> None:
    engines.failing["llm"] = "cut"
    engines.replies.extend(["One two three, four five six seven.", "One two three, four five six seven."])
    async with conversation(engines) as user:
        user.session.add_item(Message("item_typed", "user", "count"))
        user.session.respond()
        finished = await user.expect(ReplyFinished)
    assert finished.heard.startswith("One two three")
    assert finished.heard.endswith(EngineError.spoken_hint)


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_a_failing_voice_leaves_the_text(engines: FakeEngines, fault: str) -> None:
    engines.failing["tts"] = fault
    engines.replies.append("You will have to read this.")
    async with conversation(engines) as user:
        user.session.add_item(Message("item_typed", "user", "hello"))
        user.session.respond()
        failed = await user.expect(EngineFailed)
        finished = await user.expect(ReplyFinished)
        del engines.failing["tts"]
        engines.replies.append("And hear this.")
        user.session.add_item(Message("item_typed_2", "user", "again"))
        user.session.respond()
        again = await user.expect(ReplyFinished)
    assert (failed.engine, failed.is_spoken) == ("tts", False)
    assert finished.status == "failed"
    assert finished.error is not None
    shown = [event.delta for event in user.all(ReplyText) if event.response_id == finished.response_id]
    assert "".join(shown) == "You will have to read this."
    assert (again.status, again.heard) == ("completed", "And hear this.")


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_a_failing_recogniser_is_told_aloud_once(engines: FakeEngines, fault: str) -> None:
    engines.failing["stt"] = fault
    async with conversation(engines) as user:
        user.speak(QUESTION)
        await user.expect(TranscriptionFailed)
        failed = await user.expect(EngineFailed)
        await user.expect(ReplyFinished)
        user.speak(QUESTION)
        second = await user.expect(EngineFailed)
        del engines.failing["stt"]
        engines.heard.append("what time is it")
        user.speak(QUESTION)
        final = await user.expect(Transcript, lambda event: event.is_final and event.text != "")
        await user.expect(ReplyFinished)
    assert (failed.engine, failed.is_spoken, second.is_spoken) == ("stt", True, False)
    assert final.text == "what time is it"


async def test_a_recogniser_that_is_restarted_costs_no_words(engines: FakeEngines) -> None:
    engines.failing["stt"] = "cut"
    engines.heard.append("what time is it")
    async with conversation(engines) as user:
        user.speak(QUESTION)
        final = await user.expect(Transcript, lambda event: event.is_final)
        await user.expect(ReplyFinished)
    assert final.text == "what time is it"
    assert engines.connections == 3  # asked whether it streams, connected, and connected again
    assert engines.segments[0] == engines.segments[1]
    assert not user.all(EngineFailed)


async def test_more_failures_than_livekit_allows_do_not_close_the_session(engines: FakeEngines) -> None:
    engines.failing["llm"] = "refuse"
    engines.voice_rate = 100
    async with conversation(engines) as user:
        for _ in range(5):
            user.session.add_item(Message("item_typed", "user", "hello"))
            user.session.respond()
            await user.expect(ReplyFinished)
        del engines.failing["llm"]
        engines.replies.append("Still here.")
        user.session.respond()
        finished = await user.expect(ReplyFinished)
    assert finished.heard == "Still here."
