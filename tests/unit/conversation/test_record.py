from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit.agents import Agent, llm
from livekit.agents.voice.generation import INSTRUCTIONS_MESSAGE_ID

from sottovoce.conversation import record as module
from sottovoce.conversation.history import FIRST, FunctionCall, FunctionCallOutput, Message
from sottovoce.conversation.plan import Plan
from sottovoce.conversation.prompt import prompt
from sottovoce.conversation.record import Record
from sottovoce.conversation.reply import Reply

PLAN = Plan("audio", "alloy", 1.0)


@pytest.fixture
def agent() -> Agent:
    context = llm.ChatContext.empty()
    context.add_message(role="system", content="Be kind.", id=INSTRUCTIONS_MESSAGE_ID)
    return Agent(instructions="Be kind.", chat_ctx=context)


def reply(item_id: str) -> Reply:
    handle: Any = SimpleNamespace(chat_items=[])
    return Reply(handle, PLAN, "resp", item_id=item_id)


def spoken(agent: Agent, text: str, role: llm.ChatRole = "assistant") -> llm.ChatMessage:
    """What AgentSession does of its own accord."""
    return agent._chat_ctx.add_message(role=role, content=text)


def texts(agent: Agent) -> list[tuple[str, str]]:
    return [(message.id, message.text_content or "") for message in agent.chat_ctx.messages()[1:]]


async def test_a_reply_in_two_messages_is_one_item(agent: Agent) -> None:
    kept, given = Record(agent), reply("item_r")
    for text in ("Let me see.", "It is noon."):
        kept.added(spoken(agent, text), given)
    await kept.add(Message("after", "user", "thanks"), after="item_r")
    await kept.add(Message("before", "user", "when"), after=FIRST)
    assert [text for _, text in texts(agent)] == ["when", "Let me see.", "It is noon.", "thanks"]
    await kept.rewrite("item_r", "Let me see. It is")
    assert [text for _, text in texts(agent)] == ["when", "Let me see.", "It is", "thanks"]
    await kept.rewrite("item_r", "Let")
    assert [text for _, text in texts(agent)] == ["when", "Let", "", "thanks"]
    await kept.delete("item_r")
    assert texts(agent) == [("before", "when"), ("after", "thanks")]


async def test_the_users_turn_gets_the_name_it_was_told_by(agent: Agent) -> None:
    kept = Record(agent)
    kept.name_turn("item_turn")
    kept.added(spoken(agent, "hello", "user"), None)
    kept.added(spoken(agent, "typed elsewhere", "user"), None)
    assert texts(agent)[0] == ("item_turn", "hello")
    assert "item_turn" in kept
    assert texts(agent)[1][0] != "item_turn"


async def test_what_comes_later_stays_behind_what_was_put_in_the_middle(agent: Agent) -> None:
    kept = Record(agent)
    await kept.add(Message("a", "user", "one"))
    await kept.add(Message("c", "user", "three"))
    await kept.add(Message("b", "user", "two"), after="a")
    agent._chat_ctx.insert(llm.ChatMessage(role="assistant", content=["four"]))  # by its time
    assert [text for _, text in texts(agent)] == ["one", "two", "three", "four"]


async def test_the_instructions_outlast_everything(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ITEMS", 2)
    kept = Record(agent)
    for number in range(4):
        spoken(agent, str(number))
    await kept.trim()
    await kept.delete(INSTRUCTIONS_MESSAGE_ID)
    assert [message.text_content for message in agent.chat_ctx.messages()] == ["Be kind.", "2", "3"]


async def test_calls_stand_with_the_words_they_were_made_with(agent: Agent) -> None:
    kept = Record(agent)
    kept.added(spoken(agent, "One moment."), reply("item_r"))
    for number in (1, 2):
        call_id = f"call_{number}"
        await kept.add(FunctionCall(f"item_{number}", call_id, "look", "{}"), group="item_r")
    for number in (2, 1):
        await kept.add(FunctionCallOutput(f"item_out_{number}", f"call_{number}", "seen"))
    messages, _ = prompt(agent.chat_ctx.items, PLAN).to_provider_format("openai")
    asked = cast("list[dict[str, Any]]", messages[1:])
    assert [message["role"] for message in asked] == ["assistant", "tool", "tool"]
    assert asked[0]["content"] == "One moment."
    assert [call["id"] for call in asked[0]["tool_calls"]] == ["call_1", "call_2"]
