"""Replies that are written, replies beside the conversation, and replies that are cut short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from livekit.agents import function_tool

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation.aside import MAX_ASIDES
from sottovoce.conversation.events import (
    EngineFailed,
    FunctionCalled,
    ReplyFinished,
    ReplyPlaying,
    ReplyStarted,
    ReplyText,
    StateChanged,
    ToolCalled,
    Transcript,
)
from sottovoce.conversation.history import Message, SpokenMessage
from sottovoce.conversation.options import ClientTool, ReplyOptions, SessionOptions
from sottovoce.errors import EngineError, InvalidRequestError, LimitExceededError
from tests.fake_engines import FakeEngines, ToolCall, running
from tests.recordings import recording
from tests.spoken import Speaker, conversation

QUESTION = recording("dialogue-what-time-is-it-slt")
WRITTEN = SessionOptions(modality="text")
BESIDE = ReplyOptions(is_in_conversation=False, modality="text")
LONG_REPLY = "Here is a rather long answer, which goes on. " * 4


@pytest.fixture
async def engines() -> AsyncIterator[FakeEngines]:
    async with running() as fakes:
        fakes.voice_rate = 100
        yield fakes


def told(request: dict[str, Any]) -> list[str]:
    return [message["content"] for message in request["messages"][1:] if "content" in message]


def typed(user: Speaker, text: str) -> None:
    user.session.add_item(Message(f"item_{text}", "user", text))


async def test_a_written_session_answers_speech_in_words(engines: FakeEngines) -> None:
    engines.heard.extend(["what time is it", "and now"])
    engines.replies.extend(["It is **noon**, my friend.", "Later."])
    async with conversation(engines, options=WRITTEN) as user:
        user.speak(QUESTION)
        started = await user.expect(ReplyStarted)
        finished = await user.expect(ReplyFinished)
        user.speak(QUESTION)
        await user.expect(ReplyFinished)
    assert started.modality == "text"
    assert (finished.status, finished.audio_ms) == ("completed", 0)
    assert finished.heard == "It is **noon**, my friend."
    words = [event.delta for event in user.all(ReplyText) if event.response_id == started.response_id]
    assert words == ["It ", "is ", "**noon**, ", "my ", "friend."]  # as they come
    assert (user.all(ReplyPlaying), engines.spoken, user.played) == ([], [], 0)
    assert told(engines.requests[-1]) == ["what time is it", "It is **noon**, my friend.", "and now"]


async def test_one_reply_is_written_and_the_next_is_spoken(engines: FakeEngines) -> None:
    engines.replies.extend(["Read this.", "Hear this.", "Read that."])
    async with conversation(engines) as user:
        for modality in ("text", "audio"):
            user.session.respond(ReplyOptions(modality=modality))
            await user.expect(ReplyFinished)
        user.session.update(WRITTEN)
        user.session.respond()
        await user.expect(ReplyFinished)
    assert [event.modality for event in user.all(ReplyStarted)] == ["text", "audio", "text"]
    assert engines.spoken == ["Hear this."]
    assert "".join(event.delta for event in user.all(ReplyText)) == "Read this.Hear this.Read that."
    assert [state.state for state in user.all(StateChanged)][-1] == "listening"


async def test_a_written_reply_is_stopped_where_it_is(engines: FakeEngines) -> None:
    engines.goes_on = asyncio.Event()
    engines.replies.extend(["One two three.", "Four."])
    async with conversation(engines, options=WRITTEN) as user:
        user.session.respond()
        await user.expect(ReplyText)
        assert user.session.interrupt()
        cut = await user.expect(ReplyFinished)
        engines.goes_on.set()
        user.session.respond()
        await user.expect(ReplyFinished)
    assert (cut.status, cut.reason, cut.heard) == ("cancelled", "client_cancelled", "One ")
    assert told(engines.requests[1]) == ["One "]


async def test_a_reply_is_stopped_before_it_began(engines: FakeEngines) -> None:
    async with conversation(engines) as user:
        first = user.session.respond()
        assert user.session.interrupt(response_id=first)
        second = user.session.respond()
        assert not user.session.interrupt(response_id=first)
        await user.expect(ReplyFinished, lambda event: event.response_id == second)
    ends = [(event.response_id, event.status) for event in user.all(ReplyFinished)]
    assert ends == [(first, "cancelled"), (second, "completed")]
    assert [event.response_id for event in user.all(ReplyStarted)] == [first, second]
    assert len(engines.requests) == 1


async def test_a_reply_ends_at_what_it_may_say(engines: FakeEngines) -> None:
    engines.replies.extend(["One two three four.", "One two three four.", "One two."])
    async with conversation(engines, options=SessionOptions(max_output_tokens=3)) as user:
        user.session.respond()
        cut = await user.expect(ReplyFinished)
        user.session.respond(ReplyOptions(max_output_tokens=2, is_in_conversation=False, modality="text"))
        beside = await user.expect(ReplyFinished)
        user.session.respond(ReplyOptions(max_output_tokens=50))
        whole = await user.expect(ReplyFinished)
    limits = [request["max_completion_tokens"] for request in engines.requests]
    assert limits == [3, 2, 50]
    assert (cut.status, cut.reason, cut.heard) == ("incomplete", "max_output_tokens", "One two three ")
    assert (beside.status, beside.reason, beside.usage.output_tokens) == (
        "incomplete",
        "max_output_tokens",
        2,
    )
    assert (whole.status, whole.reason) == ("completed", None)


async def test_a_reply_has_a_voice_of_its_own(engines: FakeEngines) -> None:
    async with conversation(engines) as user:
        user.session.respond(ReplyOptions(voice="echo"))
        await user.expect(ReplyFinished)
        user.session.respond()
        await user.expect(ReplyFinished)
    assert [voice for voice, _ in engines.voices] == ["echo", "alloy"]


async def test_a_reply_reads_a_history_of_its_own_and_joins_the_conversation(engines: FakeEngines) -> None:
    @function_tool
    async def look() -> str:
        """Look."""
        return "nothing"

    class Looking:
        def __init__(self) -> None:
            self.tools: list[Any] = [look]

        async def aclose(self) -> None: ...

    engines.heard.append("spoken words")
    engines.replies.extend([["Hm. ", ToolCall("look", {})], "Seen.", "So."])
    own = (Message("x", "user", "elsewhere"), SpokenMessage("y", AudioFrame(QUESTION, 16_000)))
    async with conversation(engines, toolbox=lambda announce: Looking()) as user:
        typed(user, "here")
        user.session.respond(ReplyOptions(history=own))
        await user.expect(ReplyFinished)
        user.session.respond()
        await user.expect(ReplyFinished)
    assert told(engines.requests[0]) == ["elsewhere", "spoken words"]
    assert told(engines.requests[1]) == ["elsewhere", "spoken words", "Hm. ", "nothing"]
    assert told(engines.requests[2])[:2] == ["here", "Hm. "]
    assert told(engines.requests[2])[-1] == "Seen."
    assert not user.all(Transcript)


async def test_instructions_for_one_reply_come_last_where_nobody_asked(engines: FakeEngines) -> None:
    async with conversation(engines, options=SessionOptions(instructions="Be kind.")) as user:
        user.session.add_item(Message("a", "assistant", "Goodbye."))
        user.session.respond(ReplyOptions(instructions="Say hello."))
        await user.expect(ReplyFinished)
        user.session.respond()
        await user.expect(ReplyFinished)
    messages = [(one["role"], one["content"]) for one in engines.requests[0]["messages"]]
    assert messages == [("system", "Say hello."), ("assistant", "Goodbye."), ("system", "Say hello.")]
    assert engines.requests[1]["messages"][0]["content"] == "Be kind."


async def test_a_reply_beside_the_conversation_leaves_no_trace(engines: FakeEngines) -> None:
    engines.voice_rate = 15
    engines.replies.extend([LONG_REPLY, "Beside the point.", "And on."])
    async with conversation(engines) as user:
        typed(user, "tell me")
        user.session.respond()
        await user.expect(ReplyText)
        beside = user.session.respond(
            ReplyOptions(instructions="Sort this.", is_in_conversation=False, modality="text")
        )
        aside = await user.expect(ReplyFinished)
        assert user.session.interrupt()
        spoken = await user.expect(ReplyFinished)
        user.session.respond(
            ReplyOptions(
                is_in_conversation=False, modality="text", history=(Message("x", "user", "only this"),)
            )
        )
        await user.expect(ReplyFinished)
        user.session.respond()
        await user.expect(ReplyFinished)
    assert (aside.response_id, aside.status, aside.heard) == (beside, "completed", "Beside the point.")
    assert aside.usage.output_tokens == 3
    assert spoken.status == "cancelled"
    assert engines.requests[1]["messages"][0]["content"] == "Sort this."
    assert told(engines.requests[1]) == ["tell me"]
    assert told(engines.requests[2]) == ["only this"]
    assert told(engines.requests[3]) == ["tell me", spoken.heard]
    deltas = [event.delta for event in user.all(ReplyText) if event.response_id == beside]
    assert deltas == ["Beside ", "the ", "point."]


async def test_replies_beside_the_conversation_are_few_and_can_be_stopped(engines: FakeEngines) -> None:
    engines.goes_on = asyncio.Event()
    async with conversation(engines) as user:
        asked = [user.session.respond(BESIDE) for _ in range(MAX_ASIDES)]
        with pytest.raises(LimitExceededError):
            user.session.respond(BESIDE)
        for _ in asked:
            await user.expect(ReplyText)
        assert user.session.interrupt(response_id=asked[0])
        first = await user.expect(ReplyFinished)
        waiting = user.session.respond(BESIDE)
        assert user.session.interrupt(response_id=waiting)  # not begun
        second = await user.expect(ReplyFinished)
        assert not user.session.interrupt(response_id=waiting)
        assert not user.session.interrupt()  # none in the conversation
        engines.goes_on.set()
        rest = [await user.expect(ReplyFinished) for _ in asked[1:]]
    assert (first.response_id, first.status, first.heard) == (asked[0], "cancelled", "I ")
    assert (second.response_id, second.status) == (waiting, "cancelled")
    assert {event.status for event in rest} == {"completed"}
    assert len(user.all(ReplyStarted)) == len(user.all(ReplyFinished)) == MAX_ASIDES + 1


async def test_a_reply_beside_the_conversation_has_tools(engines: FakeEngines) -> None:
    @function_tool
    async def double(number: int) -> str:
        """Double a number."""
        return str(number * 2)

    class Doubling:
        def __init__(self) -> None:
            self.tools: list[Any] = [double]

        async def aclose(self) -> None: ...

    engines.replies.extend(
        [ToolCall("double", {"number": 3}), ["Six. ", ToolCall("note", {"text": "six"})], "So."]
    )
    tools = (ClientTool("note"),)
    async with conversation(engines, toolbox=lambda announce: Doubling()) as user:
        typed(user, "double three")
        response_id = user.session.respond(
            ReplyOptions(is_in_conversation=False, modality="text", tools=tools)
        )
        called = await user.expect(FunctionCalled)
        finished = await user.expect(ReplyFinished)
        user.session.respond()
        await user.expect(ReplyFinished)
    assert (called.response_id, called.name, called.arguments) == (response_id, "note", '{"text": "six"}')
    assert [event.output for event in user.all(ToolCalled)] == ["6"]
    assert (finished.heard, finished.usage.input_tokens) == ("Six. ", 14)
    assert told(engines.requests[1])[-1] == "6"
    assert told(engines.requests[2]) == ["double three"]


async def test_a_reply_beside_the_conversation_can_be_spoken(engines: FakeEngines) -> None:
    engines.replies.extend(["Aloud.", "A word in your ear."])  # the one beside is asked when it is its turn
    async with conversation(engines) as user:
        beside = user.session.respond(ReplyOptions(is_in_conversation=False, voice="echo"))
        mine = user.session.respond()
        aside = await user.expect(ReplyFinished)
        finished = await user.expect(ReplyFinished)
        with pytest.raises(InvalidRequestError):
            user.session.truncate_item(aside.item_id, 0)
        history = [message.text_content for message in user.session.history.messages()[1:]]
    assert (aside.response_id, aside.status, aside.heard) == (beside, "completed", "A word in your ear.")
    assert (finished.response_id, finished.heard) == (mine, "Aloud.")
    said_by = {words.strip(): voice for words, (voice, _) in zip(engines.spoken, engines.voices, strict=True)}
    assert said_by == {"A word in your ear.": "echo", "Aloud.": "alloy"}
    assert aside.audio_ms > 0
    assert history == ["Aloud."]
    assert aside.usage.output_tokens == 3


async def test_a_spoken_reply_beside_the_conversation_is_stopped_alone(engines: FakeEngines) -> None:
    engines.voice_rate = 15
    engines.replies.extend([LONG_REPLY, "Mine."])
    async with conversation(engines) as user:
        beside = user.session.respond(ReplyOptions(is_in_conversation=False))
        await user.expect(ReplyText)
        mine = user.session.respond()
        assert user.session.interrupt(response_id=beside)
        aside = await user.expect(ReplyFinished)
        finished = await user.expect(ReplyFinished)
    assert (aside.response_id, aside.status) == (beside, "cancelled")
    assert aside.heard
    assert LONG_REPLY.startswith(aside.heard)
    assert (finished.response_id, finished.status) == (mine, "completed")


async def test_a_model_that_fails_beside_the_conversation_is_told(engines: FakeEngines) -> None:
    engines.failing["llm"] = "refuse"
    async with conversation(engines) as user:
        user.session.respond(BESIDE)
        written = await user.expect(ReplyFinished)
        user.session.respond(ReplyOptions(is_in_conversation=False))
        spoken = await user.expect(ReplyFinished)
    assert written.status == "failed"
    assert "language model" in (written.error or "")
    assert spoken.heard == EngineError.spoken_hint
    assert [event.is_spoken for event in user.all(EngineFailed)] == [False, True]


async def test_a_reply_that_waits_its_turn_is_stopped_alone(engines: FakeEngines) -> None:
    engines.voice_rate = 25
    engines.replies.extend(["Never said.", "This is said to its end."])
    async with conversation(engines) as user:
        beside = user.session.respond(ReplyOptions(is_in_conversation=False))
        mine = user.session.respond()
        await user.expect(ReplyPlaying)
        assert user.session.interrupt(response_id=mine)
        cancelled = await user.expect(ReplyFinished)
        aside = await user.expect(ReplyFinished)
    assert (cancelled.response_id, cancelled.status, cancelled.heard) == (mine, "cancelled", "")
    assert (aside.response_id, aside.status) == (beside, "completed")
    assert aside.heard
    assert len(user.all(ReplyStarted)) == 2


async def test_a_model_without_instructions_or_history_is_told_to_greet(engines: FakeEngines) -> None:
    async with conversation(engines, options=SessionOptions(instructions="")) as user:
        user.session.respond()
        await user.expect(ReplyFinished)
        user.session.add_item(Message("a", "user", "hello"))
        user.session.respond(ReplyOptions(instructions=""))
        await user.expect(ReplyFinished)
    assert [one["content"] for one in engines.requests[0]["messages"]] == ["Greet the user."]
    assert engines.requests[1]["messages"][-1]["content"] == "hello"
    assert {one["role"] for one in engines.requests[1]["messages"]} == {"user", "assistant"}
