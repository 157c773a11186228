"""A session against scripted engines, through its own wire: the promises that transports build on.

It is also the contract with the pinned livekit-agents: an upgrade that changes what we use breaks here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from livekit.agents import function_tool, llm

from sottovoce.conversation.events import (
    ReplyFinished,
    ReplyPlaying,
    ReplyStarted,
    ReplyText,
    SpeechStarted,
    SpeechStopped,
    StateChanged,
    ToolCalled,
    Transcript,
    TurnCommitted,
    TurnMeasured,
)
from sottovoce.conversation.history import Message
from sottovoce.conversation.options import ReplyOptions, SessionOptions, TurnOptions
from sottovoce.errors import InvalidRequestError
from tests.fake_engines import FakeEngines, ToolCall, running
from tests.recordings import recording
from tests.spoken import conversation

QUESTION = recording("dialogue-what-time-is-it-slt")
LONG_REPLY = "Here is a rather long answer, which goes on. " * 4


@pytest.fixture
async def engines() -> AsyncIterator[FakeEngines]:
    async with running() as fakes:
        yield fakes


def said(history: llm.ChatContext, role: str) -> list[str]:
    return [m.text_content or "" for m in history.messages() if m.role == role]


async def test_a_spoken_turn_is_answered_in_order(engines: FakeEngines) -> None:
    engines.heard.append("what time is it")
    engines.replies.append("It is noon, my friend.")
    async with conversation(engines) as user:
        user.speak(QUESTION)
        finished = await user.expect(ReplyFinished)
        measured = user.all(TurnMeasured)[0].latency
        history = user.session.history
        kept = len(user.session._agent_session._recorded_events)

    assert kept <= 1  # livekit would keep every event for ever
    kinds = [type(event) for event in user.events if not isinstance(event, StateChanged | TurnMeasured)]
    order = [SpeechStarted, Transcript, SpeechStopped, TurnCommitted, Transcript, ReplyStarted, ReplyPlaying]
    assert kinds[: len(order)] == order
    assert [event.state for event in user.all(StateChanged)][:4] == [
        "listening",
        "thinking",
        "speaking",
        "listening",
    ]
    assert user.all(Transcript)[-1].text == "what time is it"
    assert "".join(event.delta for event in user.all(ReplyText)) == "It is noon, my friend."
    assert (finished.status, finished.heard, finished.unheard) == ("completed", "It is noon, my friend.", "")
    assert finished.usage.output_tokens == 3
    assert engines.spoken == ["It is noon, ", "my friend."]
    assert said(history, "user") == ["what time is it"]
    assert measured.voice_to_voice is not None
    assert measured.stt_final is not None
    assert measured.end_of_turn is not None
    # the whole is never shorter than the decision that it waits for
    assert measured.voice_to_voice >= measured.end_of_turn >= measured.stt_final


async def test_an_interrupted_reply_leaves_only_what_was_heard(engines: FakeEngines) -> None:
    engines.heard.extend(["tell me", "stop it"])
    engines.replies.extend([LONG_REPLY, "Fine."])
    async with conversation(engines) as user:
        user.speak(QUESTION)
        await user.expect(ReplyText, lambda event: "rather" in event.delta)
        user.speak(QUESTION)
        cut = await user.expect(ReplyFinished)
        after = await user.expect(ReplyFinished)
        replies = said(user.session.history, "assistant")

    assert (cut.status, cut.reason) == ("cancelled", "turn_detected")
    assert cut.heard + cut.unheard == LONG_REPLY
    assert "rather" in cut.heard
    assert len(cut.unheard) > len(LONG_REPLY) // 3
    assert replies == [cut.heard, "Fine."]
    assert after.status == "completed"
    first = [event.delta for event in user.all(ReplyText) if event.response_id == cut.response_id]
    assert "".join(first) == cut.heard
    is_over = [event.response_id for event in user.events if isinstance(event, ReplyText | ReplyFinished)]
    assert is_over.index(after.response_id) > is_over.index(cut.response_id)


async def test_noise_during_a_reply_holds_it_and_lets_it_go_on(engines: FakeEngines) -> None:
    engines.heard.extend(["tell me", ""])
    engines.replies.append(LONG_REPLY)
    async with conversation(engines) as user:
        user.speak(QUESTION)
        await user.expect(ReplyText, lambda event: "rather" in event.delta)
        user.speak(QUESTION)
        finished = await user.expect(ReplyFinished)
    assert finished.status == "completed"
    assert finished.heard == LONG_REPLY
    states = [event.state for event in user.all(StateChanged)]
    assert states[:5] == ["listening", "thinking", "speaking", "listening", "speaking"]
    assert len(engines.requests) == 1


async def test_noise_alone_gets_no_reply(engines: FakeEngines) -> None:
    async with conversation(engines) as user:
        user.speak(QUESTION)
        final = await user.expect(Transcript)
        engines.heard.append("and now words")
        user.speak(QUESTION)
        await user.expect(ReplyFinished)
    assert (final.text, final.is_final) == ("", True)
    assert len(user.all(ReplyStarted)) == 1
    assert len(user.all(TurnCommitted)) == 2


async def test_engines_may_ask_for_no_key(engines: FakeEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fake_engines.KEY", "")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    engines.heard.append("hello")
    engines.replies.append("Hello yourself.")
    async with conversation(engines) as user:
        user.speak(QUESTION)
        finished = await user.expect(ReplyFinished)
    assert finished.heard == "Hello yourself."
    assert "Bearer sk-of-somebody-else" not in engines.credentials


async def test_typed_text_is_answered_aloud(engines: FakeEngines) -> None:
    engines.replies.append("Hello yourself.")
    async with conversation(engines) as user:
        user.session.add_item(Message("item_mine", "user", "hello"))
        response_id = user.session.respond(ReplyOptions(instructions="Be brief."), "resp_mine")
        with pytest.raises(InvalidRequestError) as refusal:
            user.session.respond()
        finished = await user.expect(ReplyFinished)
    assert refusal.value.code == "conversation_already_has_active_response"
    assert (response_id, finished.response_id) == ("resp_mine", "resp_mine")
    assert user.played > 10
    told = [(message["role"], message["content"]) for message in engines.requests[0]["messages"]]
    assert told == [("system", "Be brief."), ("user", "hello")]


async def test_a_client_may_cancel_a_reply(engines: FakeEngines) -> None:
    engines.replies.append(LONG_REPLY)
    async with conversation(engines) as user:
        assert not user.session.interrupt()
        user.session.add_item(Message("item_typed", "user", "hello"))
        user.session.respond()
        await user.expect(ReplyPlaying)
        assert user.session.interrupt()
        finished = await user.expect(ReplyFinished)
        assert not user.session.interrupt()
    assert (finished.status, finished.reason) == ("cancelled", "client_cancelled")


async def test_manual_turns_end_only_when_committed(engines: FakeEngines) -> None:
    engines.heard.append("one two three")
    engines.replies.append("Four.")
    async with conversation(engines, options=SessionOptions(turns=None)) as user:
        with pytest.raises(InvalidRequestError) as refusal:
            user.session.commit_input()
        user.speak(QUESTION)
        await user.expect(SpeechStopped)
        item_id = user.session.commit_input()
        final = await user.expect(Transcript, lambda event: event.is_final)
        assert not user.all(ReplyStarted)
        user.session.respond()
        await user.expect(ReplyFinished)
    assert refusal.value.code == "input_audio_buffer_commit_empty"
    assert (final.item_id, final.text) == (item_id, "one two three")
    assert engines.requests[0]["messages"][-1]["content"] == "one two three"


async def test_a_turn_may_be_heard_without_a_reply(engines: FakeEngines) -> None:
    engines.heard.extend(["remember this", "and this"])
    async with conversation(engines, options=SessionOptions(turns=TurnOptions(should_reply=False))) as user:
        user.speak(QUESTION)
        await user.expect(TurnCommitted)
        user.speak(QUESTION)
        await user.expect(TurnCommitted)
        await user.expect(Transcript, lambda event: event.is_final)
        history = user.session.history
    assert said(history, "user") == ["remember this", "and this"]
    assert not user.all(ReplyStarted)


async def test_the_servers_tools_run_and_are_reported(engines: FakeEngines) -> None:
    asked: list[int] = []

    @function_tool
    async def double(number: int) -> str:
        """Double a number."""
        asked.append(number)
        return str(number * 2)

    class Doubling:
        tools: ClassVar[list[Any]] = [double]

        async def aclose(self) -> None:
            asked.append(-1)

    engines.heard.append("double four")
    engines.replies.extend([ToolCall("double", {"number": 4}), "It is eight."])
    async with conversation(engines, toolbox=lambda announce: Doubling()) as user:
        user.speak(QUESTION)
        finished = await user.expect(ReplyFinished)
    called = user.all(ToolCalled)[0]
    assert asked == [4, -1]
    assert (called.name, called.output, called.is_error) == ("double", "8", False)
    assert finished.heard == "It is eight."
    assert finished.usage.input_tokens == 14
    assert len(user.all(ReplyStarted)) == 1


async def test_options_change_between_turns(engines: FakeEngines) -> None:
    engines.replies.extend(["One.", "Two."])
    async with conversation(engines) as user:
        user.session.update(SessionOptions(instructions="Speak like a pirate.", voice="echo", speed=1.5))
        user.session.add_item(Message("item_typed", "user", "hello"))
        user.session.respond()
        await user.expect(ReplyFinished)
    assert engines.requests[0]["messages"][0]["content"] == "Speak like a pirate."
    assert engines.voices == [("echo", 1.5)]


async def test_what_is_said_unasked_is_a_reply_too(engines: FakeEngines) -> None:
    async with conversation(engines) as user:
        user.session.say("Your timer is done.")
        finished = await user.expect(ReplyFinished)
        assert said(user.session.history, "assistant") == ["Your timer is done."]
    assert (finished.status, finished.heard) == ("completed", "Your timer is done.")


async def test_closing_twice_is_fine_and_ends_the_events(engines: FakeEngines) -> None:
    async with conversation(engines) as user:
        await user.session.aclose()
        await user.session.aclose()


async def test_a_reply_that_cannot_be_given_is_reported_as_failed(engines: FakeEngines) -> None:
    async with conversation(engines) as user:
        await user.session._agent_session.aclose()
        response_id = user.session.respond()
        finished = await user.expect(ReplyFinished)
    assert (finished.response_id, finished.status) == (response_id, "failed")
