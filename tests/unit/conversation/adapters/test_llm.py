"""The language models of a chain against scripted services: who answers, and what is never said twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from livekit.agents import APIError, APIStatusError, llm
from livekit.agents.voice.generation import INSTRUCTIONS_MESSAGE_ID

from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.adapters.llm import ServiceLLM
from sottovoce.conversation.asking import Question, ask
from sottovoce.conversation.engines import Used
from sottovoce.conversation.options import ReplyOptions, SessionOptions
from sottovoce.conversation.plan import make_plan
from tests.fake_engines import FakeChain, FakeEngines, ToolCall, running_chain
from tests.spoken import until

DEADLINE = 0.4
"""Seconds, of an engine that hangs; others have theirs, for the machine may be busy."""


@pytest.fixture
async def chain() -> AsyncIterator[FakeChain]:
    async with running_chain("good", "spare") as members:
        for member in members.members:
            member.replies.extend([f"I am {member.name}."] * 9)
        yield members


@pytest.fixture
async def model(chain: FakeChain) -> AsyncIterator[ServiceLLM]:
    clients = EngineClients(chain)
    yield ServiceLLM(clients)
    await clients.aclose()


def message(role: llm.ChatRole, text: str, name: str) -> llm.ChatMessage:
    return llm.ChatMessage(id=name, role=role, content=[text])


def question(*said: str, tools: bool = False) -> Question:
    items: list[llm.ChatItem] = [message("system", "Be brief.", INSTRUCTIONS_MESSAGE_ID)]
    items += [message("user", text, f"user-{number}") for number, text in enumerate(said or ("hello",))]

    @llm.function_tool
    async def get_time() -> str:
        """The time."""
        return "noon"

    return ask(items, make_plan(SessionOptions()), [get_time] if tools else [])


async def collect(model: ServiceLLM, asked: Question, into: list[llm.ChoiceDelta]) -> None:
    async for chunk in model.answer(asked):
        into += [chunk.delta] if chunk.delta else []


async def said(model: ServiceLLM, asked: Question | None = None) -> tuple[str, list[Used]]:
    words, told = "", list[Used]()
    async for chunk in model.answer(asked or question(), told.append):
        words += (chunk.delta.content if chunk.delta else None) or ""
    return words, told


async def test_the_first_of_the_chain_answers(model: ServiceLLM, spare: FakeEngines) -> None:
    assert await said(model) == ("I am good.", [Used("good-llm")])
    assert spare.requests == []


@pytest.mark.parametrize("fault", ["refuse", "hang", "mute", "busy"])
async def test_the_next_one_answers_where_the_first_fails_before_its_first_word(
    model: ServiceLLM, good: FakeEngines, fault: str
) -> None:
    good.failing["llm"], good.deadlines["llm"] = fault, DEADLINE
    words, (used,) = await said(model)
    assert words == "I am spare."
    assert (used.model, used.instead_of) == ("spare-llm", "good-llm")
    assert len(good.requests) == 1  # it is not asked twice while the user waits


async def test_the_reason_is_told_once_it_is_known(model: ServiceLLM, good: FakeEngines) -> None:
    good.failing["llm"], good.deadlines["llm"] = "hang", DEADLINE
    await said(model)
    assert await said(model) == (
        "I am spare.",
        [Used("spare-llm", "good-llm", "The language model did not answer in time.")],
    )
    assert len(good.requests) == 1  # a deadline that passed is enough


async def test_after_the_first_word_nothing_is_said_twice(
    model: ServiceLLM, good: FakeEngines, spare: FakeEngines
) -> None:
    good.failing["llm"] = "cut"
    deltas: list[llm.ChoiceDelta] = []
    with pytest.raises(APIError):
        await collect(model, question(), deltas)
    assert [delta.content for delta in deltas] == ["I "]
    assert spare.requests == []


async def test_after_a_call_of_a_tool_neither(
    model: ServiceLLM, good: FakeEngines, spare: FakeEngines
) -> None:
    good.replies.appendleft([ToolCall("get_time", {}), ToolCall("get_time", {}), ""])
    good.failing["llm"] = "cut"
    deltas: list[llm.ChoiceDelta] = []
    with pytest.raises(APIError):
        await collect(model, question(tools=True), deltas)
    assert [call.name for delta in deltas for call in delta.tool_calls] == ["get_time"]
    assert spare.requests == []


async def test_a_fault_of_the_request_is_nobody_elses(
    model: ServiceLLM, good: FakeEngines, spare: FakeEngines
) -> None:
    good.failing["llm"] = "bad"
    for _ in range(3):
        with pytest.raises(APIStatusError):
            await said(model)
    assert (len(good.requests), spare.requests) == (3, [])  # and is no reason to pass it over


async def test_the_last_failure_is_the_one_that_is_told(
    model: ServiceLLM, good: FakeEngines, spare: FakeEngines
) -> None:
    good.failing["llm"], spare.failing["llm"] = "refuse", "hang"
    spare.deadlines["llm"] = DEADLINE
    with pytest.raises(TimeoutError):
        await said(model)


async def test_a_model_that_pings_while_it_reads_is_waited_for(
    model: ServiceLLM, good: FakeEngines, spare: FakeEngines
) -> None:
    good.prefill, good.deadlines["llm"] = asyncio.Event(), 2 * DEADLINE
    answering = asyncio.create_task(said(model))
    await asyncio.sleep(4 * DEADLINE)
    assert not answering.done()
    good.prefill.set()
    words, (used,) = await answering
    assert (words, used) == ("I am good.", Used("good-llm"))
    assert spare.requests == []


async def test_the_only_model_is_asked_once_more(
    model: ServiceLLM, chain: FakeChain, good: FakeEngines
) -> None:
    chain.members.pop()
    good.failing["llm"] = "refuse"
    with pytest.raises(APIError):
        await said(model)
    assert len(good.requests) == 2
    del good.failing["llm"]
    assert (await said(model))[0] == "I am good."


async def test_a_swap_before_the_first_word_leaves_the_question_with_whom_it_was_asked(
    model: ServiceLLM, chain: FakeChain, good: FakeEngines
) -> None:
    """The engine that leaves ends what it has begun; the next question goes to the new one."""
    good.prefill = asyncio.Event()
    answering = asyncio.create_task(said(model))
    await until(lambda: good.requests)
    chain.members.remove(good)
    await asyncio.sleep(0.05)
    good.prefill.set()
    assert (await answering)[0] == "I am good."
    assert await said(model) == ("I am spare.", [Used("spare-llm")])
    assert model.clients.lines == 1


async def test_many_swaps_leave_nothing_behind(model: ServiceLLM, chain: FakeChain) -> None:
    one, other = chain.members
    for number in range(6):
        one.name = f"model-{number}"  # another endpoint each time
        chain.members = [one] if number % 2 else [other, one]
        other.name = f"other-{number}"
        await said(model)
    await asyncio.sleep(0.05)
    assert model.clients.lines <= len(chain.members)


async def test_a_history_that_is_too_long_is_cut_and_asked_again(
    model: ServiceLLM, good: FakeEngines, spare: FakeEngines
) -> None:
    good.context_characters = 200
    long = question(*(f"{number} " + "x" * 40 for number in range(10)))
    words, _ = await said(model, long)
    assert words == "I am good."
    first, second = (request["messages"] for request in good.requests)
    assert len(first) == 11
    assert second[0] == first[0]  # the instructions
    assert second[1:] == first[-len(second) + 1 :]  # and the newest
    await said(model, long)
    assert good.requests[2]["messages"] == second  # it stays cut
    assert spare.requests == []


async def test_what_no_cut_makes_short_enough_is_answered_by_who_has_room(
    model: ServiceLLM, good: FakeEngines, spare: FakeEngines
) -> None:
    good.context_characters = 5
    for count in (1, 2):
        assert await said(model) == ("I am spare.", [Used("spare-llm", instead_of="good-llm")])
        assert (len(good.requests), len(spare.requests)) == (count, count)  # and is not passed over
    spare.context_characters = 5
    with pytest.raises(APIStatusError):
        await said(model)


async def test_a_context_that_is_known_is_kept_to(model: ServiceLLM, good: FakeEngines) -> None:
    good.facts = {"context": 100}
    long = question(*(f"{number} " + "x" * 40 for number in range(10)))
    await said(model)
    await until(lambda: model.clients.line(good.endpoint("llm")).facts)
    await said(model, long)
    shown = sum(len(one["content"]) for one in good.requests[-1]["messages"])
    assert shown <= 100 * 0.5 * 3 + 50


async def test_a_history_of_its_own_is_cut_by_itself(model: ServiceLLM, good: FakeEngines) -> None:
    good.context_characters = 200
    conversation = question(*(f"{number} " + "x" * 40 for number in range(10)))
    beside = make_plan(SessionOptions(), ReplyOptions(history=()))
    alone = Question(conversation.items, beside, [], conversation.tool_choice, None)
    await said(model, alone)
    await said(model, conversation)
    assert [len(request["messages"]) for request in good.requests][::2] == [11, 11]


async def test_what_prompts_begin_with_is_read_ahead_where_that_is_offered(
    model: ServiceLLM, good: FakeEngines
) -> None:
    await model.read_ahead(lambda: question(tools=True))
    assert good.prewarmed == []  # it does not say that it can
    good.name, good.facts = "able", {"prewarm": True}
    asked = question(tools=True)
    await model.read_ahead(lambda: asked)
    await said(model, asked)
    (body,) = good.prewarmed
    for part in ("model", "messages", "tools"):
        assert body[part] == good.requests[0][part]
