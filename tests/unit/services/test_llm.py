"""The llm service behind a real server, as the stock openai client sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, get_args

import httpx
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.shared import ChatModel
from pydantic import BaseModel

from sottovoce.engines.llm.base import (
    ArgumentsChunk,
    Finish,
    Prewarmed,
    ReplyPart,
    ReplyRequest,
    TextChunk,
    ToolCall,
    Waiting,
)
from sottovoce.engines.llm.tokens import count_tokens
from sottovoce.errors import EngineCrashed, EngineUnavailable
from sottovoce.http.body import MAX_JSON_BYTES
from sottovoce.services import llm
from sottovoce.services.chat_request import (
    LLAMA,
    MAX_CHOICES,
    MAX_MESSAGES,
    MAX_TOOLS,
    REPLACED,
    RULES,
    Fates,
)
from sottovoce.services.child import ServiceOptions
from sottovoce.services.llm import create_app
from tests.serving import served

KEY = "a-key-for-the-tests"
CHAT = "/v1/chat/completions"
ROLL: Any = {
    "type": "function",
    "function": {
        "name": "order_pizza",
        "description": "Order a pizza.",
        "parameters": {
            "type": "object",
            "properties": {
                "size": {"type": "string", "enum": ["small", "large"]},
                "count": {"type": "integer"},
            },
            "required": ["size", "count"],
        },
    },
}


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


class ScriptedResponder:
    """Yields `parts`, then raises `error`; with `is_endless` it goes on until it is closed."""

    model = "scripted"

    def __init__(self) -> None:
        self.parts: list[ReplyPart] = [TextChunk("Hello"), Finish("stop", 1, 1)]
        self.error: Exception | None = None
        self.load_error: EngineUnavailable | None = None
        self.is_endless = self.is_closed = False
        self.closed = asyncio.Event()
        self.asked: list[ReplyRequest] = []

    async def load(self) -> None:
        if self.load_error is not None:
            raise self.load_error

    async def respond(self, request: ReplyRequest) -> AsyncGenerator[ReplyPart]:
        self.asked.append(request)
        try:
            for part in self.parts:
                yield part
            while self.is_endless:
                await asyncio.sleep(0.01)
                yield TextChunk("more ")
            if self.error is not None:
                raise self.error
        finally:
            self.closed.set()

    async def prewarm(self, request: ReplyRequest) -> Prewarmed:
        self.asked.append(request)
        return Prewarmed(12, 5)

    async def aclose(self) -> None:
        self.is_closed = True


async def running(responder: ScriptedResponder | None) -> AsyncIterator[str]:
    app = create_app(ServiceOptions(key=KEY), responder)
    async with served(app, graceful_timeout=0.1) as url:
        yield url


async def ready(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        while (await http.get("/readyz")).json()["status"] == "loading":  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """The service with the rules."""
    async for address in running(None):
        await ready(address)
        yield address


@pytest.fixture
def responder() -> ScriptedResponder:
    return ScriptedResponder()


@pytest.fixture
async def scripted(responder: ScriptedResponder) -> AsyncIterator[str]:
    """The service with the scripted responder."""
    async for address in running(responder):
        await ready(address)
        yield address


@pytest.fixture
async def client(url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as made:
        yield made


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {KEY}"}) as made:
        yield made


async def test_a_whole_reply(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(
        model="sottovoce-rules", messages=user("what is two plus two")
    )
    assert reply.id.startswith("chatcmpl-")
    assert reply.object == "chat.completion"
    assert reply.model == "sottovoce-rules"
    assert reply.choices[0].message.content == "2 plus 2 is 4."
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0


async def test_a_streamed_reply_with_usage(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="sottovoce-rules",
        messages=user("count to ten"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    *deltas, last, usage = chunks
    assert deltas[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in deltas)
    assert text == "One, two, three, four, five, six, seven, eight, nine, ten."
    assert len(deltas) > 1
    assert [chunk.choices[0].finish_reason for chunk in deltas] == [None] * len(deltas)
    assert last.choices[0].finish_reason == "stop"
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.completion_tokens == 20
    assert len({chunk.id for chunk in chunks}) == 1


async def test_the_stream_ends_with_done_and_has_no_usage_unasked(http: httpx.AsyncClient) -> None:
    reply = await http.post(CHAT, json={"messages": user("hello"), "stream": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = reply.text.strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    assert all("usage" not in json.loads(event.removeprefix("data: ")) for event in events[:-1])


async def test_a_tool_call_and_its_result(client: AsyncOpenAI) -> None:
    messages = user("i want two large pizzas")
    first = await client.chat.completions.create(model="gpt-4o", messages=messages, tools=[ROLL])
    assert first.choices[0].finish_reason == "tool_calls"
    message = first.choices[0].message
    assert message.content is None
    assert message.tool_calls is not None
    call = message.tool_calls[0]
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "order_pizza",
        {"size": "large", "count": 2},
    )
    messages += [
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": '{"price": 21}'},
    ]
    second = await client.chat.completions.create(model="gpt-4o", messages=messages, tools=[ROLL])
    assert second.choices[0].message.content == "The price is 21."


async def test_a_streamed_tool_call_has_its_id_on_the_first_delta(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="gpt-4o", messages=user("hello"), tools=[ROLL], tool_choice="required", stream=True
    )
    chunks = [chunk async for chunk in stream]
    calls = chunks[0].choices[0].delta.tool_calls
    assert calls is not None
    assert calls[0].index == 0
    assert calls[0].id is not None
    assert calls[0].id.startswith("call_")
    assert calls[0].function is not None
    assert calls[0].function.name == "order_pizza"
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def allowed(mode: str, *names: str) -> Any:
    """`tool_choice` in its longest form."""
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


@pytest.mark.parametrize(
    ("choice", "is_called"),
    [
        ("none", False),
        ("auto", False),
        ("required", True),
        ({"type": "function", "function": {"name": "order_pizza"}}, True),
        (allowed("required", "order_pizza"), True),
        (allowed("auto", "order_pizza"), False),
        (None, False),
    ],
)
async def test_every_form_of_tool_choice(client: AsyncOpenAI, choice: Any, is_called: bool) -> None:
    reply = await client.chat.completions.create(
        model="gpt-4o", messages=user("hello"), tools=[ROLL], tool_choice=choice
    )
    assert bool(reply.choices[0].message.tool_calls) is is_called


async def test_only_the_allowed_tools_are_called(client: AsyncOpenAI) -> None:
    other: Any = {"type": "function", "function": {"name": "pizza_price", "description": "Price of a pizza."}}
    reply = await client.chat.completions.create(
        model="gpt-4o",
        messages=user("order a large pizza"),
        tools=[ROLL, other],
        tool_choice=allowed("required", "pizza_price"),
    )
    calls = reply.choices[0].message.tool_calls
    assert calls is not None
    assert [call.function.name for call in calls if call.type == "function"] == ["pizza_price"]


async def test_stream_options_need_a_stream(http: httpx.AsyncClient) -> None:
    reply = await http.post(CHAT, json=with_messages(stream_options={"include_usage": True}))
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "stream_options")


async def test_max_tokens_and_stop(client: AsyncOpenAI) -> None:
    cut = await client.chat.completions.create(
        model="gpt-4o", messages=user("count to ten"), max_completion_tokens=3
    )
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("One, two", "length")
    stopped = await client.chat.completions.create(
        model="gpt-4o", messages=user("count to ten"), stop=", three"
    )
    assert (stopped.choices[0].message.content, stopped.choices[0].finish_reason) == ("One, two", "stop")


async def order(client: AsyncOpenAI, max_tokens: int | None) -> Any:
    """A reply that calls a tool."""
    return await client.chat.completions.create(
        model="gpt-4o",
        messages=user("i want two large pizzas"),
        tools=[ROLL],
        max_completion_tokens=max_tokens,
    )


@pytest.mark.parametrize("limit", [1, 4, 9])
async def test_max_tokens_cut_a_call_too(client: AsyncOpenAI, limit: int) -> None:
    whole, cut = await order(client, None), await order(client, limit)
    [called], [call] = whole.choices[0].message.tool_calls, cut.choices[0].message.tool_calls
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", limit)
    assert call.function.name == called.function.name
    assert called.function.arguments.startswith(call.function.arguments)
    assert call.function.arguments != called.function.arguments


async def test_a_limit_that_a_call_just_fits_leaves_it_whole(client: AsyncOpenAI) -> None:
    whole = await order(client, None)
    again = await order(client, whole.usage.completion_tokens)
    assert again.choices[0].finish_reason == "tool_calls"
    assert json.loads(again.choices[0].message.tool_calls[0].function.arguments)


CALLED: Any = {
    "role": "assistant",
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "order_pizza", "arguments": "{}"}}
    ],
}


@pytest.mark.parametrize(
    ("messages", "at", "reason"),
    [
        ([CALLED, {"role": "tool", "content": "21"}], 1, "need a tool_call_id"),
        (
            [CALLED, *user("x"), {"role": "tool", "tool_call_id": "call_2", "content": "21"}],
            2,
            "must be a response to a preceding message with 'tool_calls'",
        ),
        ([{"role": "tool", "tool_call_id": "call_1", "content": "21"}, CALLED], 0, "must be a response"),
    ],
)
async def test_a_result_of_no_call_is_refused(
    http: httpx.AsyncClient, messages: Any, at: int, reason: str
) -> None:
    reply = await http.post(CHAT, json={"model": "gpt-4o", "messages": messages})
    error = reply.json()["error"]
    assert (reply.status_code, error["param"]) == (400, f"messages.[{at}].tool_call_id")
    assert reason in error["message"]


class Order(BaseModel):
    color: str
    count: int


async def test_structured_output(client: AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(
        model="gpt-4o", messages=user("what is two plus two"), response_format={"type": "json_object"}
    )
    assert json.loads(whole.choices[0].message.content or "") == {"answer": "2 plus 2 is 4."}
    parsed = await client.chat.completions.parse(
        model="gpt-4o", messages=user("the color is blue and i want seven"), response_format=Order
    )
    assert parsed.choices[0].message.parsed is not None
    assert parsed.choices[0].message.parsed.count == 7


async def test_what_the_engine_has_no_use_for_is_accepted_and_said_to_be_ignored(
    http: httpx.AsyncClient,
) -> None:
    hints = {
        "user": "me",
        "metadata": {"a": "b"},
        "reasoning_effort": "low",
        "store": True,
        "verbosity": "low",
        "service_tier": "auto",
        "prediction": {"type": "content", "content": "x"},
        "temperature": 0.2,
        "top_p": 0.5,
        "frequency_penalty": 1,
        "logit_bias": {"50256": -100},
        "prompt_cache_key": "k",
    }
    more = {"modalities": ["text"], "logprobs": False, "top_logprobs": None, "parallel_tool_calls": False}
    reply = await http.post(CHAT, json={"messages": user("hello"), **hints, **more})
    assert reply.status_code == 200
    parameters = (await http.get("/v1/models/gpt-4o")).json()["parameters"]
    assert set(hints) <= set(parameters["ignored"])
    assert {"messages", "tools", "tool_choice", "seed", "n", "stop"} <= set(parameters["honoured"])
    assert not set(parameters["honoured"]) & set(parameters["ignored"])


@pytest.mark.parametrize("fates", [RULES, LLAMA])
async def test_every_parameter_of_openai_s_is_honoured_ignored_or_refused(fates: Fates) -> None:
    parameters = fates.parameters
    known = {*parameters.honoured, *parameters.ignored, *fates.refused, *REPLACED}
    assert set(CompletionCreateParamsNonStreaming.__annotations__) <= known
    offered = {
        name for base in CompletionCreateParamsNonStreaming.__orig_bases__ for name in base.__annotations__
    }
    assert len(offered) > 30
    assert offered <= known


async def test_content_may_come_in_parts(client: AsyncOpenAI) -> None:
    parts: Any = [{"type": "text", "text": "what is two"}, {"type": "text", "text": "plus two"}]
    messages: Any = [
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "annotations": []},
        {"role": "user", "content": parts},
    ]
    reply = await client.chat.completions.create(model="gpt-4o", messages=messages)
    assert reply.choices[0].message.content == "2 plus 2 is 4."


async def test_the_objects_have_openai_s_keys(http: httpx.AsyncClient) -> None:
    reply = (await http.post(CHAT, json={"messages": user("hello")})).json()
    assert set(reply) == {"id", "object", "created", "model", "system_fingerprint", "choices", "usage"}
    assert set(reply["choices"][0]) == {"index", "message", "logprobs", "finish_reason"}
    message = reply["choices"][0]["message"]
    assert set(message) == {"role", "content", "refusal", "annotations"}
    assert (message["refusal"], message["annotations"]) == (None, [])
    assert reply["usage"]["prompt_tokens_details"]["cached_tokens"] == 0


async def test_usage_is_null_in_all_chunks_but_the_last(http: httpx.AsyncClient) -> None:
    body = {"messages": user("hello"), "stream": True, "stream_options": {"include_usage": True}}
    reply = await http.post(CHAT, json=body)
    chunks = [json.loads(line.removeprefix("data: ")) for line in reply.text.split("\n\n")[:-2]]
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["prompt_tokens"]) == ([], 4)


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_several_choices(client: AsyncOpenAI, is_streamed: bool) -> None:
    asked: Any = {"model": "gpt-4o", "messages": user("tell me a joke"), "n": 3, "seed": 1}
    if is_streamed:
        stream = await client.chat.completions.create(
            **asked, stream=True, stream_options={"include_usage": True}
        )
        texts, ends, usage = ["", "", ""], [], None
        async for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
                ends += [choice.index] if choice.finish_reason == "stop" else []
        assert ends == [0, 1, 2]
    else:
        reply = await client.chat.completions.create(**asked)
        texts, usage = [choice.message.content or "" for choice in reply.choices], reply.usage
    again = await client.chat.completions.create(**asked)
    assert texts == [choice.message.content for choice in again.choices]
    assert len(set(texts)) > 1
    assert usage is not None
    assert usage.completion_tokens == sum(count_tokens(text) for text in texts)
    assert usage.prompt_tokens == 7


def with_messages(**fields: Any) -> dict[str, Any]:
    return {"messages": user("hello"), **fields}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, "messages.0.role"),
        ({"messages": user("hello") * (MAX_MESSAGES + 1)}, "messages"),
        (with_messages(n=MAX_CHOICES + 1), "n"),
        (with_messages(n=0), "n"),
        (with_messages(top_logprobs=2), "top_logprobs"),
        (with_messages(functions=[{"name": "x"}]), "functions"),
        (with_messages(function_call="auto"), "function_call"),
        (with_messages(web_search_options={"search_context_size": "low"}), "web_search_options"),
        (with_messages(audio={"voice": "alloy", "format": "mp3"}), "audio"),
        (with_messages(modalities=["text", "audio"]), "modalities"),
        (with_messages(frequency_penalty=3), "frequency_penalty"),
        (with_messages(max_token=5), "max_token"),
        (with_messages(response_format={"type": "text", "schema": {}}), "response_format.schema"),
        (with_messages(messages=[{"role": "user", "content": [{"type": "image_url"}]}]), "messages"),
        (with_messages(messages=[{"role": "user", "content": [{"type": "input_audio"}]}]), "messages"),
        (with_messages(messages=[{"role": "user", "content": 5}]), "messages.0.content"),
        (with_messages(tools=[ROLL], tool_choice="always"), "tool_choice"),
        (with_messages(tools=[ROLL], tool_choice={"type": "function", "name": "order_pizza"}), "tool_choice"),
        (with_messages(tools=[ROLL], tool_choice={"type": "custom", "custom": {"name": "x"}}), "tool_choice"),
        (with_messages(tools=[ROLL], tool_choice=allowed("auto", "x")), "tool_choice"),
        (with_messages(tools=[ROLL], tool_choice=allowed("none", "order_pizza")), "tool_choice"),
        (with_messages(tools=[{"type": "custom", "custom": {"name": "x"}}]), "tools.0"),
        (with_messages(logprobs=True), "logprobs"),
        (with_messages(max_tokens=0), "max_tokens"),
        (with_messages(temperature=3), "temperature"),
        (with_messages(stop=["a"] * 5), "stop"),
        (with_messages(tools=[ROLL] * (MAX_TOOLS + 1)), "tools"),
        (
            with_messages(tools=[{"type": "function", "function": {"name": "no spaces"}}]),
            "tools.0.function.name",
        ),
        (with_messages(tool_choice="required"), "tool_choice"),
        (
            with_messages(tools=[ROLL], tool_choice={"type": "function", "function": {"name": "x"}}),
            "tool_choice",
        ),
        (with_messages(response_format={"type": "xml"}), "response_format.type"),
        (with_messages(response_format={"type": "json_schema"}), "response_format.json_schema"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_bad_request_is_named(
    http: httpx.AsyncClient, body: dict[str, Any], param: str, is_streamed: bool
) -> None:
    reply = await http.post(CHAT, json={**body, "stream": is_streamed})
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"].startswith(param)
    assert error["message"]


async def test_bytes_that_are_no_json(http: httpx.AsyncClient) -> None:
    assert (await http.post(CHAT, content=b"{not json")).status_code == 400
    assert (await http.post(CHAT, content=b"[" * 100_000)).status_code == 400


async def test_a_body_over_the_cap(http: httpx.AsyncClient) -> None:
    reply = await http.post(CHAT, json={"messages": user("x" * MAX_JSON_BYTES)})
    assert reply.status_code == 413
    assert reply.json()["error"]["code"] == "request_too_large"


async def test_a_message_over_its_cap_is_refused(http: httpx.AsyncClient) -> None:
    reply = await http.post(CHAT, json={"messages": user("x" * 100_001)})
    assert reply.status_code == 400


async def test_a_hostile_message_takes_no_time(http: httpx.AsyncClient) -> None:
    """Within the request's own deadline: no pattern backtracks on a long run of its own words."""
    for text in (
        "set a timer " * 8000,
        "a or " * 19_000,
        "1 plus " * 14_000,
        "remind me to " * 7000,
        "thee " * 18_000,
    ):
        async with asyncio.timeout(5):
            assert (await http.post(CHAT, json={"messages": user(text[:99_000]) * 8})).status_code == 200
            tools = [{**ROLL, "function": {**ROLL["function"], "description": text[:4000]}}] * MAX_TOOLS
            assert (
                await http.post(CHAT, json=with_messages(messages=user(text), tools=tools))
            ).status_code == 200


async def test_keys_and_models(url: str, client: AsyncOpenAI) -> None:
    listed = await client.models.list()
    assert [model.id for model in listed.data] == ["sottovoce-rules"]
    with pytest.raises(openai.NotFoundError, match="does not exist here"):
        await client.chat.completions.create(model="llama-9", messages=user("hello"))
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError, match="key is wrong"):
            await stranger.chat.completions.create(model="gpt-4o", messages=user("hello"))


async def test_every_name_that_clients_hard_code_is_an_alias(client: AsyncOpenAI) -> None:
    realtime = ("gpt-realtime", "gpt-realtime-mini-2025-12-15", "gpt-realtime-2.1", "gpt-4o-realtime-preview")
    for name in (*get_args(ChatModel), *realtime):
        assert (await client.models.retrieve(name)).id == name
    for name in (
        "gpt-4o-mini-tts",
        "gpt-4o-transcribe",
        "gpt-realtime-whisper",
        "gpt-image-1",
        "tts-1",
        "x/y",
    ):
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve(name)


async def test_work_ends_when_the_client_goes(scripted: str, responder: ScriptedResponder) -> None:
    responder.parts = []
    responder.is_endless = True
    async with AsyncOpenAI(base_url=f"{scripted}/v1", api_key=KEY, max_retries=0) as client:
        stream = await client.chat.completions.create(model="scripted", messages=user("go"), stream=True)
        async for _ in stream:
            break
        await stream.close()
    async with asyncio.timeout(5):
        await responder.closed.wait()


async def test_a_whole_reply_is_cancelled_too(scripted: str, responder: ScriptedResponder) -> None:
    responder.parts = []
    responder.is_endless = True
    async with httpx.AsyncClient(base_url=scripted, headers={"authorization": f"Bearer {KEY}"}) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(CHAT, json={"messages": user("go")}, timeout=httpx.Timeout(5, read=0.1))
    async with asyncio.timeout(5):
        await responder.closed.wait()


async def test_an_engine_that_fails_before_its_first_word(
    scripted: str, responder: ScriptedResponder
) -> None:
    responder.parts = []
    responder.error = EngineCrashed("The engine fell over.", engine="llm")
    async with httpx.AsyncClient(base_url=scripted, headers={"authorization": f"Bearer {KEY}"}) as http:
        for is_streamed in (False, True):
            reply = await http.post(CHAT, json={"messages": user("go"), "stream": is_streamed})
            assert reply.status_code == 503
            assert reply.json()["error"]["code"] == "engine_crashed"


async def test_an_engine_that_fails_later_breaks_the_stream(
    scripted: str, responder: ScriptedResponder
) -> None:
    responder.parts = [TextChunk("Hel")]
    responder.error = EngineCrashed("The engine fell over.", engine="llm")
    async with httpx.AsyncClient(base_url=scripted, headers={"authorization": f"Bearer {KEY}"}) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post(CHAT, json={"messages": user("go"), "stream": True})


async def test_a_reply_without_an_end_is_an_error(scripted: str, responder: ScriptedResponder) -> None:
    responder.parts = [TextChunk("Hel")]
    async with httpx.AsyncClient(base_url=scripted, headers={"authorization": f"Bearer {KEY}"}) as http:
        assert (await http.post(CHAT, json={"messages": user("go")})).status_code == 503


async def test_an_engine_that_works_in_silence_is_heard_by_those_who_wait(
    scripted: str, responder: ScriptedResponder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm, "FIRST_SIGN", 0.0)
    monkeypatch.setattr(llm, "SIGN_INTERVAL", 0.0)
    monkeypatch.setattr(llm, "HEARTBEAT", 0.0)
    responder.parts = [Waiting(), Waiting(128, 900), *responder.parts]
    async with httpx.AsyncClient(base_url=scripted, headers={"authorization": f"Bearer {KEY}"}) as http:
        events = (await http.post(CHAT, json={"messages": user("go"), "stream": True})).text.split("\n\n")
        whole = await http.post(CHAT, json={"messages": user("go")})
    assert events[:2] == [": waiting", ": read 128 of 900 tokens"]
    assert whole.text.startswith("\n\n{")
    assert whole.json()["choices"][0]["message"]["content"] == "Hello"


async def test_signs_of_life_leave_time_for_an_error_to_have_its_status(
    scripted: str, responder: ScriptedResponder
) -> None:
    responder.parts = [Waiting()]
    responder.error = EngineCrashed("The engine fell over.", engine="llm")
    async with httpx.AsyncClient(base_url=scripted, headers={"authorization": f"Bearer {KEY}"}) as http:
        assert (await http.post(CHAT, json={"messages": user("go"), "stream": True})).status_code == 503


async def test_a_prompt_is_read_ahead(scripted: str, responder: ScriptedResponder) -> None:
    async with httpx.AsyncClient(base_url=scripted, headers={"authorization": f"Bearer {KEY}"}) as http:
        reply = await http.post("/v1/chat/prewarm", json={"messages": user("go"), "tools": [ROLL]})
        assert reply.json() == {
            "object": "chat.prewarm",
            "model": "scripted",
            "prompt_tokens": 12,
            "cached_tokens": 5,
            "is_whole": True,
        }
        assert (await http.post("/v1/chat/prewarm", json={"messages": []})).status_code == 400
        assert (
            await http.post("/v1/chat/prewarm", json={"messages": user("x"), "model": "y"})
        ).status_code == 404
    [asked] = responder.asked
    assert [tool.function.name for tool in asked.tools] == ["order_pizza"]


async def test_a_call_comes_in_pieces_and_is_joined(scripted: str, responder: ScriptedResponder) -> None:
    responder.parts = [
        ToolCall("call_1", "order_pizza", "{"),
        ArgumentsChunk("}"),
        Finish("tool_calls", 9, 4, cached_tokens=3, reasoning_tokens=1),
    ]
    async with AsyncOpenAI(base_url=f"{scripted}/v1", api_key=KEY, max_retries=0) as client:
        asked: Any = {"model": "scripted", "messages": user("go"), "tools": [ROLL]}
        whole = await client.chat.completions.create(**asked)
        async with client.chat.completions.stream(**asked) as stream:
            streamed = await stream.get_final_completion()
    for reply in (whole, streamed):
        [call] = reply.choices[0].message.tool_calls
        assert (call.id, call.function.name, call.function.arguments) == ("call_1", "order_pizza", "{}")
    assert whole.usage is not None
    assert whole.usage.prompt_tokens_details.cached_tokens == 3
    assert whole.usage.completion_tokens_details.reasoning_tokens == 1


async def test_an_engine_is_let_go_with_its_service(responder: ScriptedResponder) -> None:
    async for address in running(responder):
        await ready(address)
        assert not responder.is_closed
    assert responder.is_closed


async def test_too_many_replies_at_once(
    scripted: str, responder: ScriptedResponder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm, "MAX_REPLIES", 0)
    async with httpx.AsyncClient(base_url=scripted, headers={"authorization": f"Bearer {KEY}"}) as http:
        reply = await http.post(CHAT, json={"messages": user("go")})
    assert reply.status_code == 429
    assert reply.headers["retry-after"] == "1"


async def test_an_engine_that_cannot_load_is_told(responder: ScriptedResponder) -> None:
    responder.load_error = EngineUnavailable("No model.", engine="llm")
    async for address in running(responder):
        await ready(address)
        async with httpx.AsyncClient(base_url=address, headers={"authorization": f"Bearer {KEY}"}) as http:
            state = await http.get("/readyz")
            told = state.json()
            assert (state.status_code, told["status"], told["reason"]) == (503, "failed", "No model.")
            reply = await http.post(CHAT, json={"messages": user("go")})
            assert reply.status_code == 503
            assert "No model." in reply.json()["error"]["message"]
