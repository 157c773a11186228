"""A session whose engines fail, hang, are slow or are swapped while it lasts: the user hears an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

import pytest

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.conversation import filler
from sottovoce.conversation.engines import Used
from sottovoce.conversation.events import (
    EngineFailed,
    ReplyFinished,
    ReplyPlaying,
    ReplyServed,
    ReplyText,
    Transcript,
    TurnMeasured,
)
from sottovoce.conversation.history import Message
from sottovoce.conversation.options import Modality, ReplyOptions, SessionOptions
from tests.fake_engines import FakeChain, FakeEngines, ToolCall, running_chain
from tests.recordings import recording
from tests.spoken import Speaker, conversation, until

STAND_IN_VOICE = Used("spare-tts", "good-tts", "The voice refused the request with status 500.")
STAND_IN_MODEL = Used(
    "spare-llm", "good-llm", "The language model refused the request with status 500: broken."
)
DEADLINE = 1.0
"""Seconds, of engines that hang; others have theirs, for the machine may be busy."""
QUESTION = recording("dialogue-what-time-is-it-slt")


@pytest.fixture
async def chain() -> AsyncIterator[FakeChain]:
    async with running_chain("good", "spare") as members:
        for member in members.members:
            member.heard.extend(["what time is it"] * 5)
            member.replies.extend([f"It is noon, says {member.name}."] * 9)
        yield members


@pytest.fixture
def good(chain: FakeChain) -> FakeEngines:
    return chain.members[0]


@pytest.fixture
def spare(chain: FakeChain) -> FakeEngines:
    return chain.members[1]


async def ask(user: Speaker) -> tuple[str, ReplyFinished, dict[EngineKind, str]]:
    """What was heard, the reply to it, and the models that had a part in it."""
    user.speak(QUESTION)
    final = await user.expect(Transcript, lambda event: event.is_final)
    finished = await user.expect(ReplyFinished)
    measured = user.all(TurnMeasured)[-1]
    return final.text, finished, {kind: uses[-1].model for kind, uses in measured.engines.items()}


async def test_a_turn_tells_which_engines_it_went_through(chain: FakeChain) -> None:
    async with conversation(chain) as user:
        _, finished, engines = await ask(user)
        used = user.all(TurnMeasured)[-1].engines
    assert finished.heard == "It is noon, says good."
    assert engines == {"stt": "good-stt", "llm": "good-llm", "tts": "good-tts"}
    assert all(one.instead_of is None for uses in used.values() for one in uses)
    assert not user.all(ReplyServed)  # it would say the same again


@pytest.mark.parametrize("fault", ["refuse", "hang"])
@pytest.mark.parametrize("kind", ["stt", "llm", "tts"])
async def test_a_turn_survives_any_engine(
    chain: FakeChain, good: FakeEngines, kind: EngineKind, fault: str
) -> None:
    good.failing[kind], good.deadlines[kind] = fault, DEADLINE
    async with conversation(chain) as user:
        heard, finished, engines = await ask(user)
        (used,) = user.all(TurnMeasured)[-1].engines[kind]
    assert heard == "what time is it"
    assert (finished.status, finished.error) == ("completed", None)
    assert finished.heard == f"It is noon, says {'spare' if kind == 'llm' else 'good'}."
    assert engines[kind] == f"spare-{kind}"
    assert used.instead_of == f"good-{kind}"
    assert not user.all(EngineFailed)


async def test_all_of_them_at_once(chain: FakeChain, good: FakeEngines) -> None:
    good.failing |= {"stt": "mute", "llm": "mute", "tts": "mute"}
    async with conversation(chain) as user:
        heard, finished, engines = await ask(user)
    assert (heard, finished.heard) == ("what time is it", "It is noon, says spare.")
    assert engines == {"stt": "spare-stt", "llm": "spare-llm", "tts": "spare-tts"}


async def test_the_second_turn_does_not_wait_for_the_one_that_hung(
    chain: FakeChain, good: FakeEngines
) -> None:
    good.failing["llm"], good.deadlines["llm"], good.is_ready = "hang", DEADLINE, False
    async with conversation(chain) as user:
        await ask(user)
        asked = len(good.requests)
        await ask(user)
        measured = user.all(TurnMeasured)[-1]
    assert len(good.requests) == asked
    assert measured.engines["llm"][-1].reason == "The language model did not answer in time."


async def test_a_conversation_goes_on_over_a_swap_of_every_engine(
    chain: FakeChain, good: FakeEngines, spare: FakeEngines
) -> None:
    async with conversation(chain) as user:
        _, first, _ = await ask(user)
        chain.members = [spare]
        heard, second, engines = await ask(user)
        history = [message.text_content for message in user.session.history.messages()][1:]
        await until(lambda: not good.sockets)
    assert (heard, second.heard) == ("what time is it", "It is noon, says spare.")
    assert engines == {"stt": "spare-stt", "llm": "spare-llm", "tts": "spare-tts"}
    assert history == ["what time is it", first.heard, "what time is it", second.heard]


async def test_a_swap_while_the_user_speaks_loses_no_word(
    chain: FakeChain, good: FakeEngines, spare: FakeEngines
) -> None:
    async with conversation(chain) as user:
        user.speak(QUESTION)
        await until(lambda: good.audio)
        chain.members = [spare]
        final = await user.expect(Transcript, lambda event: event.is_final)
        finished = await user.expect(ReplyFinished)
    assert final.text == "what time is it"
    assert finished.heard == "It is noon, says spare."


class SwappedAfterAClause(FakeChain):
    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        good, spare = self.members
        return (spare.endpoint(kind) if good.spoken else good.endpoint(kind),)


async def test_a_swap_between_two_clauses_costs_none(
    chain: FakeChain, good: FakeEngines, spare: FakeEngines
) -> None:
    async with conversation(SwappedAfterAClause(chain.members)) as user:
        _, finished, _ = await ask(user)
    assert finished.heard == "It is noon, says good."
    assert (good.spoken, spare.spoken) == (["It is noon, "], ["says good."])


async def ask_slowly(user: Speaker, good: FakeEngines) -> tuple[TurnMeasured, ReplyServed, ReplyFinished]:
    """The second clause of the answer is made after the first one was measured."""
    good.replies.appendleft("Certainly,\nsays good.")  # two words at once, then one
    good.goes_on = asyncio.Event()
    user.speak(QUESTION)
    measured = await user.expect(TurnMeasured)
    good.goes_on.set()
    finished = await user.expect(ReplyFinished)
    (served,) = user.all(ReplyServed)
    assert user.events.index(served) < user.events.index(finished)
    return measured, served, finished


async def test_a_voice_that_fails_in_a_later_clause_is_told_at_the_end(
    chain: FakeChain, good: FakeEngines, spare: FakeEngines
) -> None:
    good.refused["tts"] = 1
    async with conversation(chain) as user:
        measured, served, finished = await ask_slowly(user, good)
    assert (finished.heard, spare.spoken) == ("Certainly,\nsays good.", ["says good."])
    heard_and_answered = {"stt": (Used("good-stt"),), "llm": (Used("good-llm"),)}
    assert measured.engines == {**heard_and_answered, "tts": (Used("good-tts"),)}
    both = (Used("good-tts"), STAND_IN_VOICE)
    assert served.engines == {**heard_and_answered, "tts": both}
    assert (served.response_id, served.item_id) == (finished.response_id, finished.item_id)


async def test_a_voice_that_comes_back_hides_no_stand_in(chain: FakeChain, good: FakeEngines) -> None:
    good.refused["tts"] = 0
    async with conversation(chain) as user:
        measured, served, _ = await ask_slowly(user, good)
    assert measured.engines["tts"] == (STAND_IN_VOICE,)
    assert served.engines["tts"] == (STAND_IN_VOICE, Used("good-tts"))


async def test_a_model_that_fails_after_a_tool_is_told_at_the_end(
    chain: FakeChain, good: FakeEngines
) -> None:
    good.replies.appendleft(["One moment. ", ToolCall("get_time", {})])
    good.refused["llm"] = 1
    async with conversation(chain) as user:
        await ask(user)
        (served,) = user.all(ReplyServed)
    assert served.engines["llm"] == (Used("good-llm"), STAND_IN_MODEL)


@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_a_typed_turn_tells_what_it_went_through(
    chain: FakeChain, good: FakeEngines, modality: Modality, caplog: pytest.LogCaptureFixture
) -> None:
    good.failing["llm"] = "refuse"
    caplog.set_level(logging.INFO, "sottovoce.conversation.replies")
    async with conversation(chain) as user:
        user.session.add_item(Message("item_typed", "user", "what time is it"))
        response_id = user.session.respond(ReplyOptions(modality=modality))
        served = await user.expect(ReplyServed)
        finished = await user.expect(ReplyFinished)
    assert served.response_id == finished.response_id == response_id
    assert served.item_id == finished.item_id
    model = {"llm": (STAND_IN_MODEL,)}
    assert served.engines == (model if modality == "text" else {**model, "tts": (Used("good-tts"),)})
    assert not user.all(TurnMeasured)
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert line.startswith(
        f"a reply is completed; llm spare-llm instead of good-llm ({STAND_IN_MODEL.reason})"
    )


async def test_a_written_reply_beside_the_conversation_tells_it_too(
    chain: FakeChain, good: FakeEngines
) -> None:
    async with conversation(chain) as user:
        options = ReplyOptions(modality="text", is_in_conversation=False)
        response_id = user.session.respond(options)
        served = await user.expect(ReplyServed)
        finished = await user.expect(ReplyFinished)
    assert (served.response_id, served.item_id) == (response_id, finished.item_id)
    assert served.engines == {"llm": (Used("good-llm"),)}


async def test_a_cold_model_that_shows_progress_is_waited_for_with_a_word(
    chain: FakeChain, good: FakeEngines, spare: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filler, "FILLER_SILENCE", 1.2)
    good.prefill, good.deadlines["llm"] = asyncio.Event(), DEADLINE
    async with conversation(chain, options=SessionOptions(language="de")) as user:
        user.speak(QUESTION)
        await until(lambda: "Einen Moment." in good.spoken)
        await until(lambda: user.played)
        assert not user.all(ReplyPlaying)
        await asyncio.sleep(1.0)  # far beyond the deadline by now
        good.prefill.set()
        finished = await user.expect(ReplyFinished)
        measured = user.all(TurnMeasured)[-1]
        history = [message.text_content for message in user.session.history.messages()][1:]
    assert finished.heard == "It is noon, says good."
    assert "".join(event.delta for event in user.all(ReplyText)) == finished.heard
    assert history == ["what time is it", finished.heard]
    assert measured.engines["llm"][-1].model == "good-llm"
    assert measured.latency.voice_to_voice is not None
    assert measured.latency.voice_to_voice > 2000  # to the answer, not to the word
    assert good.spoken.count("Einen Moment.") == 1
    seconds = sum(len(text) / good.voice_rate for text in good.spoken)
    assert finished.audio_ms == pytest.approx(seconds * 1000, abs=200)  # where the client's playhead is


async def test_the_user_may_interrupt_that_word(
    chain: FakeChain, good: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filler, "FILLER_SILENCE", 1.0)
    good.voice_rate = 2  # a very slow speaker
    good.prefill = asyncio.Event()
    async with conversation(chain) as user:
        user.speak(QUESTION)
        await until(lambda: user.played)
        user.speak(QUESTION)
        cut = await user.expect(ReplyFinished)
        played = user.played
        good.voice_rate = 15
        good.prefill.set()
        finished = await user.expect(ReplyFinished)
    assert (cut.status, cut.heard) == ("cancelled", "")
    assert played < 50 * len("One moment.") / 2
    assert finished.status == "completed"


async def test_a_prompt_is_read_ahead_at_the_start_after_a_swap_and_when_it_changes(
    chain: FakeChain, good: FakeEngines, spare: FakeEngines
) -> None:
    good.facts = spare.facts = {"prewarm": True, "context": 8192}
    async with conversation(chain, options=SessionOptions(instructions="Be brief.")) as user:
        await until(lambda: good.prewarmed)
        user.session.update(SessionOptions(instructions="Be long."))
        await until(lambda: len(good.prewarmed) == 2)
        chain.members = [spare]
        await until(lambda: spare.prewarmed)
        await ask(user)
    first, second = good.prewarmed
    assert first["messages"] == [{"role": "system", "content": "Be brief."}]
    assert second["messages"] == spare.prewarmed[0]["messages"] == [{"role": "system", "content": "Be long."}]
    asked = spare.requests[0]
    assert asked["messages"][0] == second["messages"][0]
    assert asked["tools"] == second["tools"]
