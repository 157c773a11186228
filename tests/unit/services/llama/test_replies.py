"""Replies by a llama.cpp server that misbehaves as real ones do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from sottovoce.engines.llm.base import (
    ArgumentsChunk,
    Finish,
    Prewarmed,
    ReplyPart,
    ReplyRequest,
    Sampling,
    TextChunk,
    ToolCall,
    Waiting,
)
from sottovoce.engines.llm.chat import Function, Message, Tool
from sottovoce.errors import (
    EngineCrashed,
    EngineError,
    EngineTimeout,
    InvalidRequestError,
    LimitExceededError,
)
from sottovoce.services.llama import places as places_module
from sottovoce.services.llama import replies as replies_module
from sottovoce.services.llama.client import LlamaClient
from sottovoce.services.llama.places import Places
from sottovoce.services.llama.replies import Replies
from tests.serving import served
from tests.unit.services.llama.fake_llama import CUT, HOLD, PING, FakeLlama, call, delta, error, finish, text

MESSAGES = (Message.model_validate({"role": "user", "content": "hello"}),)
ASK = ReplyRequest(MESSAGES)
TOOLS = (
    Tool(type="function", function=Function(name="light")),
    Tool(type="function", function=Function(name="x")),
)
SHAPE = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
UNFIT = error("the reply does not match the expected peg-native format")


class Bench:
    """A fake server, the replies of which are under test, and what hung."""

    def __init__(self, llama: FakeLlama, client: LlamaClient) -> None:
        self.llama = llama
        self.hung: list[str] = []
        self.places = Places(1)
        self.replies = Replies(client, self.places, self.hung.append)

    async def parts(self, request: ReplyRequest = ASK) -> list[ReplyPart]:
        async with aclosing(self.replies.respond(request)) as parts:
            return [part async for part in parts if not isinstance(part, Waiting)]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    llama = FakeLlama()
    client = LlamaClient("key")
    async with served(llama.app(), graceful_timeout=0.1) as client.address:
        yield Bench(llama, client)
        llama.release.set()
        await client.aclose()


def joined(parts: list[ReplyPart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, TextChunk))


async def test_words_and_usage(bench: Bench) -> None:
    bench.llama.scripts.append([*text("Hel", "lo"), *finish()])
    assert await bench.parts() == [TextChunk("Hel"), TextChunk("lo"), Finish("stop", 9, 3, cached_tokens=4)]
    [asked] = bench.llama.asked
    assert (asked["stream"], asked["max_tokens"]) == (True, 2048)
    assert asked["chat_template_kwargs"] == {"enable_thinking": False}


async def test_signs_of_life_are_passed_on(bench: Bench) -> None:
    progress = {"choices": [], "prompt_progress": {"total": 900, "cache": 0, "processed": 128, "time_ms": 1}}
    bench.llama.scripts.append([progress, PING, *text("Hi"), *finish()])
    async with aclosing(bench.replies.respond(ASK)) as parts:
        told = [part async for part in parts]
    assert told[:3] == [Waiting(128, 900), Waiting(), TextChunk("Hi")]


async def test_thoughts_are_counted_and_kept_back(bench: Bench) -> None:
    thoughts = [
        delta(reasoning_content="hm"),
        delta(reasoning_content=" hm"),
        *text("<thi", "nk>no", "</think>\n"),
    ]
    bench.llama.scripts.append([*thoughts, *text("Yes"), *finish()])
    parts = await bench.parts()
    assert joined(parts) == "Yes"
    assert isinstance(parts[-1], Finish)
    assert parts[-1].reasoning_tokens == 3


async def test_calls_get_ids_of_ours_and_their_arguments_in_pieces(bench: Bench) -> None:
    script = [call(0, "{", "light"), call(0, '"on": 1}'), call(1, "{}", "x"), *finish("tool_calls")]
    bench.llama.scripts += [script, script]
    first, more, second, last = await bench.parts(ReplyRequest(MESSAGES, tools=TOOLS))
    assert isinstance(first, ToolCall)
    assert (first.name, first.arguments, first.id[:5]) == ("light", "{", "call_")
    assert more == ArgumentsChunk('"on": 1}')
    assert isinstance(second, ToolCall)
    assert second.id != first.id
    single = await bench.parts(ReplyRequest(MESSAGES, tools=TOOLS, has_parallel_calls=False))
    assert [type(part) for part in single] == [ToolCall, ArgumentsChunk, Finish]
    assert isinstance(last, Finish)


async def test_a_forced_call_is_asked_for_again_and_comes_without_words(bench: Bench) -> None:
    bench.llama.scripts += [
        [*text("I would rather talk."), *finish()],
        [*text("Well."), call(0, "{}", "light"), *finish("tool_calls")],
    ]
    forced = ReplyRequest(MESSAGES, tools=TOOLS, tool_choice="required")
    one, _ = await bench.parts(forced)
    assert isinstance(one, ToolCall)


@pytest.mark.parametrize(
    "bad",
    [
        (500, UNFIT),
        [*text('{"n": '), *finish()],
        [*text('{"n": "one"}'), *finish()],
        [*text('{"n": 1'), UNFIT],
    ],
)
async def test_json_that_is_none_is_asked_for_again_once(bench: Bench, bad: Any) -> None:
    request = ReplyRequest(MESSAGES, json_schema=SHAPE)
    bench.llama.scripts += [bad, [*text("```json\n", '{"n"', ": 1}", "\n```"), *finish()]]
    assert joined(await bench.parts(request)) == '{"n": 1}'
    bench.llama.scripts += [bad, bad]
    with pytest.raises(EngineError, match="2 times") as caught:
        await bench.parts(request)
    assert caught.value.code == "unfit_reply"


async def test_json_that_the_limit_cut_is_told_as_it_is(bench: Bench) -> None:
    bench.llama.scripts.append([*text('{"n": '), *finish("length")])
    *_, last = await bench.parts(ReplyRequest(MESSAGES, json_schema=SHAPE))
    assert isinstance(last, Finish)
    assert last.reason == "length"


async def test_an_unfit_beginning_is_asked_for_again_but_nothing_is_said_twice(bench: Bench) -> None:
    bench.llama.scripts += [[UNFIT], [*text("Hello"), *finish()]]
    assert joined(await bench.parts()) == "Hello"
    bench.llama.scripts.append([*text("Hel"), UNFIT])
    with pytest.raises(EngineError):
        await bench.parts()


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (
            400,
            error("too long", 400, "exceed_context_size_error", n_ctx=4096, n_prompt_tokens=9000),
            InvalidRequestError,
            "context_length_exceeded",
        ),
        (400, error("bad grammar", 400), InvalidRequestError, "invalid_value"),
        (
            500,
            error("Jinja: roles must alternate in the chat template"),
            InvalidRequestError,
            "invalid_value",
        ),
        (500, error("boom"), EngineError, "engine_error"),
        (503, {"nonsense": 1}, EngineError, "engine_error"),
    ],
)
async def test_refusals_are_translated(
    bench: Bench, status: int, body: dict[str, Any], kind: type[Exception], code: str
) -> None:
    bench.llama.scripts.append((status, body))
    with pytest.raises(kind) as caught:
        await bench.parts()
    assert getattr(caught.value, "code", None) == code


@pytest.mark.parametrize(
    "script", [[CUT], [*text("Hel"), CUT], text("Hel"), [{"choices": "x"}], ["data: {nonsense"]]
)
async def test_a_reply_that_breaks_off_is_an_error(bench: Bench, script: Any) -> None:
    bench.llama.scripts.append(script)
    with pytest.raises(EngineCrashed):
        await bench.parts()


async def test_the_connection_ends_with_the_reply_that_nobody_wants(bench: Bench) -> None:
    bench.llama.scripts.append([*text("Hel"), HOLD])
    async with aclosing(bench.replies.respond(ASK)) as parts:
        async for part in parts:
            if isinstance(part, TextChunk):
                break
    async with asyncio.timeout(1):
        await bench.llama.left.wait()


async def test_pings_without_progress_are_a_hang(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies_module, "STALL_DEADLINE", 0.0)
    bench.llama.scripts.append([PING, HOLD])
    with pytest.raises(EngineTimeout):
        await bench.parts()
    assert bench.hung == ["hangs: it got nothing done in 0 s"]


async def test_replies_wait_for_their_turn_and_show_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies_module, "LINE_SIGN", 0.01)
    bench.llama.scripts += [[*text("one"), HOLD, *finish()], [*text("two"), *finish()]]
    async with aclosing(bench.replies.respond(ASK)) as first, aclosing(bench.replies.respond(ASK)) as second:
        assert await anext(first) == TextChunk("one")
        assert await anext(second) == Waiting()
        bench.llama.release.set()
        assert [part async for part in first][-1] == Finish("stop", 9, 3, cached_tokens=4)
        assert TextChunk("two") in [part async for part in second]


async def test_the_line_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "MAX_WAITING", 0)
    bench.llama.scripts.append([*text("one"), HOLD])
    async with aclosing(bench.replies.respond(ASK)) as first:
        await anext(first)
        with pytest.raises(LimitExceededError):
            await bench.parts()


async def test_probabilities_of_calls_are_not_told(bench: Bench) -> None:
    with pytest.raises(InvalidRequestError, match="logprobs"):
        await bench.parts(ReplyRequest(MESSAGES, tools=TOOLS, sampling=Sampling(top_logprobs=1)))


async def test_a_prompt_is_read_ahead(bench: Bench) -> None:
    system = Message.model_validate({"role": "system", "content": "Be kind."})
    bench.llama.scripts.append([*text("x"), *finish("length", prompt=50, cached=10)])
    assert await bench.replies.prewarm(ReplyRequest((system,), tools=TOOLS)) == Prewarmed(50, 10)
    [asked] = bench.llama.asked
    assert asked["max_tokens"] == 1
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert len(asked["tools"]) == 2


async def test_reading_ahead_gives_way_to_a_reply(bench: Bench) -> None:
    bench.llama.scripts += [[PING, HOLD], [*text("Hi"), *finish()]]
    ahead = asyncio.create_task(bench.replies.prewarm(ASK))
    while not bench.llama.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    assert joined(await bench.parts()) == "Hi"
    assert await ahead == Prewarmed(is_whole=False)
    async with asyncio.timeout(1):
        await bench.llama.left.wait()


async def test_nothing_is_read_ahead_while_all_places_are_taken(bench: Bench) -> None:
    bench.llama.scripts.append([*text("Hi"), HOLD, *finish()])
    async with aclosing(bench.replies.respond(ASK)) as parts:
        await anext(parts)
        assert await bench.replies.prewarm(ASK) == Prewarmed(is_whole=False)
    assert len(bench.llama.asked) == 1


async def test_reading_ahead_ends_with_who_asked_for_it(bench: Bench) -> None:
    bench.llama.scripts += [[PING, HOLD], [*text("Hi"), *finish()]]
    ahead = asyncio.create_task(bench.replies.prewarm(ASK))
    while not bench.llama.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    ahead.cancel()
    await asyncio.wait({ahead})
    async with asyncio.timeout(1):
        await bench.llama.left.wait()
    assert joined(await bench.parts()) == "Hi"
