"""Client's tools: offered, called, answered by the client; the server's own stay out of sight."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from livekit.agents import function_tool

from sottovoce.conversation.events import (
    FunctionCalled,
    ReplyFinished,
    ReplyPlaying,
    ReplyStarted,
    ReplyText,
    ToolCalled,
    TurnCommitted,
)
from sottovoce.conversation.history import FunctionCall, FunctionCallOutput, Message
from sottovoce.conversation.options import ClientTool, ReplyOptions, SessionOptions, ToolNamed
from sottovoce.errors import InvalidRequestError
from tests.fake_engines import FakeEngines, ToolCall, running
from tests.recordings import recording
from tests.spoken import Speaker, conversation

QUESTION = recording("dialogue-what-time-is-it-slt")
LIGHTS = ClientTool(
    "switch_light",
    "Switch the light.",
    {"type": "object", "properties": {"is_on": {"type": "boolean"}}, "required": ["is_on"]},
)
WITH_LIGHTS = SessionOptions(tools=(LIGHTS,))


@pytest.fixture
async def engines() -> AsyncIterator[FakeEngines]:
    async with running() as fakes:
        fakes.voice_rate = 100
        yield fakes


class Doubling:
    def __init__(self) -> None:
        self.doubled: list[int] = []

        @function_tool
        async def double(number: int) -> str:
            """Double a number."""
            self.doubled.append(number)
            return str(number * 2)

        self.tools: list[Any] = [double]

    async def aclose(self) -> None: ...


def names(request: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in request.get("tools", [])]


def ask(user: Speaker, text: str = "light please", **options: Any) -> str:
    user.session.add_item(Message(f"item_{text}", "user", text))
    return user.session.respond(ReplyOptions(**options))


async def test_the_client_runs_its_tool_and_asks_for_the_rest(engines: FakeEngines) -> None:
    engines.heard.append("light please")
    engines.replies.extend([["One moment. ", ToolCall("switch_light", {"is_on": True})], "It is on."])
    async with conversation(engines, options=WITH_LIGHTS) as user:
        user.speak(QUESTION)
        called = await user.expect(FunctionCalled)
        finished = await user.expect(ReplyFinished)
        assert len(engines.requests) == 1  # the server never goes on by itself
        user.session.add_item(FunctionCallOutput("item_out", called.call_id, '{"ok": true}'))
        user.session.respond()
        answer = await user.expect(ReplyFinished)

    assert (called.name, called.arguments, called.call_id) == ("switch_light", '{"is_on": true}', "call_1_0")
    assert called.response_id == finished.response_id
    assert (finished.status, finished.heard) == ("completed", "One moment. ")
    assert answer.heard == "It is on."
    tool = next(one for one in engines.requests[0]["tools"] if one["function"]["name"] == "switch_light")
    assert tool["function"]["parameters"] == LIGHTS.parameters
    asked, call, output = engines.requests[1]["messages"][-3:]
    assert asked == {"role": "user", "content": "light please"}
    assert (call["role"], call["content"]) == ("assistant", "One moment. ")  # one message, with its call
    assert call["tool_calls"][0]["function"] == {"name": "switch_light", "arguments": '{"is_on": true}'}
    assert output == {"role": "tool", "tool_call_id": called.call_id, "content": '{"ok": true}'}
    of_reply = [
        type(event) for event in user.events if getattr(event, "response_id", "") == called.response_id
    ]
    order = [ReplyStarted, ReplyPlaying, ReplyText, FunctionCalled, ReplyFinished]
    assert [kind for kind in dict.fromkeys(of_reply) if kind in order] == order


async def test_a_call_alone_has_no_sound(engines: FakeEngines) -> None:
    engines.replies.append(
        [ToolCall("switch_light", {"is_on": True}), ToolCall("switch_light", {"is_on": False})]
    )
    async with conversation(engines, options=WITH_LIGHTS) as user:
        ask(user)
        finished = await user.expect(ReplyFinished)
    assert [event.arguments for event in user.all(FunctionCalled)] == ['{"is_on": true}', '{"is_on": false}']
    assert (finished.status, finished.heard, finished.audio_ms) == ("completed", "", 0)
    assert not user.all(ReplyPlaying)
    assert not engines.spoken


async def test_speculative_replies_call_nothing(engines: FakeEngines) -> None:
    """A pause in mid-sentence has the model asked too soon; what it wants then is not done."""
    engines.heard.extend(["switch the light for", "my friend"])
    engines.replies.extend(
        [ToolCall("switch_light", {"is_on": False}), ToolCall("switch_light", {"is_on": True})]
    )
    async with conversation(engines, options=WITH_LIGHTS) as user:
        user.speak(QUESTION + bytes(2 * 16_000 * 6 // 10) + QUESTION)
        called = await user.expect(FunctionCalled)
        await user.expect(ReplyFinished)
    assert len(engines.requests) == 2
    assert called.arguments == '{"is_on": true}'
    assert len(user.all(FunctionCalled)) == len(user.all(TurnCommitted)) == 1


async def test_own_tools_run_unseen_and_wait_for_the_clients(engines: FakeEngines) -> None:
    toolbox = Doubling()
    engines.replies.extend(
        [
            ["Let me see. ", ToolCall("double", {"number": 4}), ToolCall("switch_light", {"is_on": True})],
            "Eight, and it is on.",
        ]
    )
    async with conversation(engines, options=WITH_LIGHTS, toolbox=lambda announce: toolbox) as user:
        ask(user)
        called = await user.expect(FunctionCalled)
        await user.expect(ReplyFinished)
        assert len(engines.requests) == 1
        user.session.add_item(FunctionCallOutput("item_out", called.call_id, "done"))
        user.session.respond()
        answer = await user.expect(ReplyFinished)
    assert toolbox.doubled == [4]
    assert [event.name for event in user.all(ToolCalled)] == ["double"]
    assert [event.name for event in user.all(FunctionCalled)] == ["switch_light"]
    assert answer.heard == "Eight, and it is on."
    messages = engines.requests[1]["messages"]
    calls = [call["function"]["name"] for message in messages for call in message.get("tool_calls", [])]
    assert calls == ["double", "switch_light"]
    assert [message["content"] for message in messages if message["role"] == "tool"] == ["8", "done"]


async def test_a_clients_tool_wins_over_ours_of_the_same_name(engines: FakeEngines) -> None:
    toolbox = Doubling()
    engines.replies.append(ToolCall("double", {"number": 2}))
    mine = ClientTool("double", "Mine.", {"type": "object", "properties": {}})
    async with conversation(
        engines, options=SessionOptions(tools=(mine,)), toolbox=lambda announce: toolbox
    ) as user:
        ask(user)
        called = await user.expect(FunctionCalled)
        await user.expect(ReplyFinished)
    assert called.name == "double"
    assert toolbox.doubled == []
    assert names(engines.requests[0]) == ["double"]
    assert engines.requests[0]["tools"][0]["function"]["description"] == "Mine."


async def test_forced_tools_are_forced_once(engines: FakeEngines) -> None:
    toolbox = Doubling()
    engines.replies.extend(
        [ToolCall("double", {"number": 1}), "Two.", ToolCall("double", {"number": 2}), "Four."]
    )
    async with conversation(engines, options=WITH_LIGHTS, toolbox=lambda announce: toolbox) as user:
        ask(user, "one", tool_choice="required")
        await user.expect(ReplyFinished)
        ask(user, "two", tool_choice=ToolNamed("double"))
        await user.expect(ReplyFinished)
        with pytest.raises(InvalidRequestError) as refusal:
            user.session.respond(ReplyOptions(tool_choice=ToolNamed("triple")))
    choices = [request.get("tool_choice") for request in engines.requests]
    named = {"type": "function", "function": {"name": "double"}}
    assert choices == ["required", "auto", named, "auto"]
    assert toolbox.doubled == [1, 2]
    assert names(engines.requests[2]) == ["double"]
    assert refusal.value.param == "tool_choice"


async def test_no_tool_is_called_where_none_is_the_choice(engines: FakeEngines) -> None:
    toolbox = Doubling()
    engines.replies.append(
        ["Fine. ", ToolCall("double", {"number": 1}), ToolCall("switch_light", {"is_on": True})]
    )
    async with conversation(engines, options=WITH_LIGHTS, toolbox=lambda announce: toolbox) as user:
        ask(user, tool_choice="none")
        finished = await user.expect(ReplyFinished)
    assert engines.requests[0]["tool_choice"] == "none"
    assert names(engines.requests[0]) == ["switch_light"]
    assert (toolbox.doubled, user.all(FunctionCalled)) == ([], [])
    assert finished.heard == "Fine. "


async def test_a_replys_own_tools_replace_the_sessions(engines: FakeEngines) -> None:
    other = ClientTool("open_door")
    engines.replies.extend(["One.", "Two."])
    async with conversation(engines, options=WITH_LIGHTS, toolbox=lambda announce: Doubling()) as user:
        ask(user, tools=(other,))
        await user.expect(ReplyFinished)
        user.session.update(SessionOptions(tools=(other, LIGHTS)))
        ask(user, "again")
        await user.expect(ReplyFinished)
    assert names(engines.requests[0]) == ["open_door", "double"]
    assert names(engines.requests[1]) == ["open_door", "switch_light", "double"]
    assert engines.requests[0]["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


async def test_a_turn_may_come_before_the_clients_answer(engines: FakeEngines) -> None:
    engines.heard.append("never mind")
    engines.replies.extend([ToolCall("switch_light", {"is_on": True}), "All right.", "It was on."])
    async with conversation(engines, options=WITH_LIGHTS) as user:
        ask(user)
        called = await user.expect(FunctionCalled)
        await user.expect(ReplyFinished)
        user.speak(QUESTION)
        await user.expect(ReplyFinished)
        user.session.add_item(FunctionCallOutput("item_out", called.call_id, "done"))
        user.session.respond()
        await user.expect(ReplyFinished)
    unanswered, answered = engines.requests[1]["messages"], engines.requests[2]["messages"]
    assert not any("tool_calls" in message or message["role"] == "tool" for message in unanswered)
    assert [message["role"] for message in answered[1:]] == ["user", "assistant", "tool", "user", "assistant"]


async def test_an_interruption_drops_the_calls_that_were_not_told(engines: FakeEngines) -> None:
    engines.voice_rate = 15
    engines.replies.extend([["Here is a rather long answer. " * 3, ToolCall("switch_light", {})], "Yes."])
    async with conversation(engines, options=WITH_LIGHTS) as user:
        ask(user)
        await user.expect(ReplyText)
        user.session.interrupt()
        finished = await user.expect(ReplyFinished)
        user.session.respond()
        await user.expect(ReplyFinished)
    assert finished.status == "cancelled"
    assert not user.all(FunctionCalled)
    assert not any("tool_calls" in message for message in engines.requests[1]["messages"])


async def test_an_interruption_stops_while_our_tool_runs(engines: FakeEngines) -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    @function_tool
    async def think() -> str:
        """Think long."""
        begun.set()
        await release.wait()
        return "thought"

    toolbox = Doubling()
    toolbox.tools = [think]
    engines.replies.extend([ToolCall("think", {}), "Here."])
    async with conversation(engines, toolbox=lambda announce: toolbox) as user:
        ask(user)
        await begun.wait()
        assert user.session.interrupt()
        finished = await user.expect(ReplyFinished)
        release.set()
        ask(user, "again")
        answer = await user.expect(ReplyFinished)
    assert finished.status == "cancelled"
    assert (answer.status, answer.heard) == ("completed", "Here.")


async def test_calls_and_answers_without_each_other_never_reach_the_model(engines: FakeEngines) -> None:
    async with conversation(engines, options=WITH_LIGHTS) as user:
        user.session.add_item(FunctionCallOutput("a/1", "call_nobody_made", "?"))
        user.session.add_item(FunctionCall("a/2", "call_1", "switch_light", "{}"))
        user.session.add_item(Message("a/3", "assistant", "Well."))
        user.session.add_item(Message("a/4", "assistant", "Well, well."))
        user.session.add_item(FunctionCall("b", "call_2", "switch_light", "{}"))
        user.session.add_item(FunctionCallOutput("c", "call_2", "done"))
        user.session.add_item(FunctionCallOutput("d", "call_2", "done twice"))
        user.session.respond()
        await user.expect(ReplyFinished)
    told = engines.requests[0]["messages"][1:]
    assert [message["role"] for message in told] == ["assistant", "assistant", "assistant", "tool"]
    assert [message.get("content") for message in told] == ["Well.", "Well, well.", None, "done"]
