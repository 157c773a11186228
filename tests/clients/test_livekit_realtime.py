"""livekit's RealtimeModel, in an AgentSession as agents use it and by itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from livekit.agents import Agent, function_tool, llm, utils
from livekit.plugins.openai.realtime import RealtimeModel

from tests.clients.livekit_room import DEADLINE, room
from tests.clients.microphone import SPOKEN_QUESTION, SPOKEN_TIME
from tests.clients.servers import Live

QUESTION = "what is twelve times seven"


@function_tool
async def get_weather(city: str) -> str:
    """Get the weather of a city"""
    return json.dumps({"city": city, "temperature": 21, "sky": "sunny"})


def assistant() -> Agent:
    return Agent(instructions="Be brief.", tools=[get_weather])


def is_sums(text: str | None) -> bool:
    return text is not None and ("84" in text or "eighty" in text)


async def test_a_written_turn_is_answered_aloud(live: Live) -> None:
    async with room(live, assistant()) as talk:
        result = await talk.session.run(user_input=QUESTION)
        message = result.expect.next_event().is_message(role="assistant").event().item
        assert is_sums(message.text_content)
        assert 0.5 < talk.loudspeaker.played < 6


async def test_a_tool_is_run_and_its_answer_told(live: Live) -> None:
    async with room(live, assistant()) as talk:
        result = await talk.session.run(user_input="what is the weather in Paris")
        result.expect.next_event().is_function_call(name="get_weather", arguments={"city": "Paris"})
        result.expect.next_event().is_function_call_output()
        message = result.expect.next_event().is_message(role="assistant").event().item
        assert "sunny" in (message.text_content or "")


async def test_a_spoken_turn_is_heard_and_answered(live: Live) -> None:
    async with room(live, assistant()) as talk:
        talk.microphone.say(SPOKEN_QUESTION)
        assert (await talk.hear("user")).text_content == QUESTION
        answer = await talk.hear("assistant")
        assert is_sums(answer.text_content)
        assert not answer.interrupted


async def test_speech_interrupts_and_the_reply_is_truncated(live: Live) -> None:
    async with room(live, assistant()) as talk:
        counting = talk.session.generate_reply(user_input="count to forty")
        await talk.reach("speaking")
        talk.microphone.say(SPOKEN_TIME)
        counted = await talk.hear("assistant")
        assert counting.interrupted
        assert counted.interrupted
        assert "forty" not in (counted.text_content or "")
        assert (await talk.hear("user")).text_content == "what time is it"
        assert not (await talk.hear("assistant")).interrupted


async def test_a_turn_is_committed_by_hand(live: Live) -> None:
    async with room(live, assistant(), turn_detection="manual") as talk:
        talk.microphone.say(SPOKEN_QUESTION)
        await talk.microphone.said()
        talk.session.commit_user_turn()
        assert (await talk.hear("user")).text_content == QUESTION
        assert is_sums((await talk.hear("assistant")).text_content)


async def test_instructions_and_agents_change_in_the_middle(live: Live) -> None:
    async with room(live, assistant()) as talk:
        await talk.session.run(user_input=QUESTION)
        talk.session.update_agent(Agent(instructions="Be loud."))
        result = await talk.session.run(user_input="tell me a joke")
        result.expect.next_event(type="message")


async def test_its_history_is_the_server_s(live: Live) -> None:
    async with utils.http_context.open() as http:
        model = RealtimeModel(base_url=live.base_url, api_key=live.key, http_session=http)
        session = model.session()
        errors: list[Any] = []
        session.on("error", errors.append)
        history = llm.ChatContext.empty()
        history.add_message(role="user", content="my name is Peter", id="item_1")
        history.add_message(role="assistant", content="good day", id="item_2")
        history.add_message(role="user", content="what is my name", id="item_3")
        await session.update_chat_ctx(history)
        # rewritten in place, taken out, put in between
        changed = llm.ChatContext.empty()
        changed.add_message(role="user", content="my name is John", id="item_1")
        changed.add_message(role="assistant", content="good morning", id="item_4")
        changed.add_message(role="user", content="what is my name", id="item_3")
        await session.update_chat_ctx(changed)
        assert [item.id for item in session.chat_ctx.items] == ["item_1", "item_4", "item_3"]
        # without tools, the server's own memory among them: what is known is in the history
        generation = await asyncio.wait_for(session.generate_reply(tool_choice="none"), DEADLINE)
        words = ""
        async for message in generation.message_stream:
            async for delta in message.text_stream:
                words += delta
        assert "John" in words
        await session.aclose()
        await model.aclose()
    assert errors == []


async def test_a_history_with_tools_is_taken(live: Live) -> None:
    history = llm.ChatContext.empty()
    history.add_message(role="user", content="what is the weather in Paris")
    history.insert(llm.FunctionCall(call_id="call_1", name="get_weather", arguments='{"city": "Paris"}'))
    history.insert(
        llm.FunctionCallOutput(
            call_id="call_1", name="get_weather", output='{"sky": "rainy"}', is_error=False
        )
    )
    agent = Agent(instructions="Be brief.", tools=[get_weather], chat_ctx=history)
    async with room(live, agent) as talk:
        talk.session.generate_reply()
        assert "rainy" in ((await talk.hear("assistant")).text_content or "")


async def test_a_wrong_key_is_told(live: Live) -> None:
    async with utils.http_context.open() as http:
        model = RealtimeModel(base_url=live.base_url, api_key="sk-wrong", http_session=http)
        session = model.session()
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        session.on("error", lambda event: told.done() or told.set_result(event))
        error = (await asyncio.wait_for(told, DEADLINE)).error
        await session.aclose()
        await model.aclose()
    assert "401" in str(error)


async def test_a_wrong_setting_is_an_error_and_not_the_end(live: Live) -> None:
    async with utils.http_context.open() as http:
        model = RealtimeModel(base_url=live.base_url, api_key=live.key, http_session=http)
        session = model.session()
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        session.on("error", lambda event: told.done() or told.set_result(event))
        session.update_options(voice="nobody")
        error = await asyncio.wait_for(told, DEADLINE)
        assert error.recoverable
        with pytest.raises(llm.RealtimeError):
            await asyncio.wait_for(
                session.generate_reply(tool_choice={"type": "function", "function": {"name": "none"}}),
                DEADLINE,
            )
        await asyncio.wait_for(session.generate_reply(instructions="Greet."), DEADLINE)
        await session.aclose()
        await model.aclose()
