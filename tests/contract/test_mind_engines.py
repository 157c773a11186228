"""One contract for all language engines: the same API, errors and limits, and the same way to stop.

The rules, and llama.cpp both ways it is run: out of its package, and as a `llama-server` on PATH. Each is a
service process as `serve` starts it, and a model made on the spot says known words.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import openai
import pytest

from sottovoce.engines.llm.json_forms import MAX_ENUM_VALUES
from sottovoce.services.chat_request import MAX_TOOLS
from tests import llama_server
from tests.made_models.gguf import REPLY, THOUGHT, Script, scripted
from tests.mind_service import CHAT, KEY, MindService, gguf

ORDER: Any = {
    "type": "function",
    "function": {
        "name": "order_pizza",
        "description": "Order a pizza.",
        "parameters": {
            "type": "object",
            "properties": {
                "size": {"type": "string", "enum": ["small", "large"]},
                "count": {"type": "integer", "minimum": 1, "maximum": 9},
            },
            "required": ["size", "count"],
            "additionalProperties": False,
        },
    },
}
PRICE: Any = {"type": "function", "function": {"name": "pizza_price", "description": "Price of a pizza."}}
IDLE_WITHIN = 5.0
"""Seconds, on a busy machine; a reply in the making stops within a batch or a token, which takes a tiny model
no time, and its end takes minutes."""


@dataclass
class Mind:
    """An engine, and what makes it do what."""

    service: MindService
    model: str
    ask: str
    answer: str
    order: str
    is_llama: bool = True

    def post(self, **body: Any) -> httpx.Response:
        given: dict[str, Any] = {"messages": user(self.ask), "model": self.model}
        return self.service.http.post(CHAT, json=given | body)

    def choice(self, **body: Any) -> dict[str, Any]:
        reply = self.post(**body)
        assert reply.status_code == 200, reply.text
        choice: dict[str, Any] = reply.json()["choices"][0]
        return choice

    def chunks(self, **body: Any) -> list[dict[str, Any]]:
        events = self.post(stream=True, **body).text.strip().split("\n\n")
        assert events[-1] == "data: [DONE]", events
        return [json.loads(event.removeprefix("data: ")) for event in events[:-1] if event[0] != ":"]

    def description(self) -> dict[str, Any]:
        told: dict[str, Any] = self.service.http.get(f"/v1/models/{self.model}").json()
        return told


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("minds")


def start(engine: str, folder: Path) -> Mind:
    if engine == "rules":
        service = MindService(None, folder)
        return Mind(
            service,
            "sottovoce-rules",
            "count to six",
            "One, two, three, four, five, six.",
            "i want two large pizzas",
            False,
        )
    programs = folder / engine
    programs.mkdir()
    settings = {"llm_server": "built-in"}
    if engine == "llama-server":
        llama_server.install(programs)
        settings = {}
    model = gguf(scripted(folder / f"{engine}.gguf"))
    path = f"{programs}:{os.environ['PATH']}"
    service = MindService(model, folder, path=path, llm_parallel="2", **settings)
    return Mind(service, engine, "who are you", REPLY, "please abracadabra now")


@pytest.fixture(scope="module", params=["rules", "built-in", "llama-server"])
def mind(request: pytest.FixtureRequest, folder: Path) -> Iterator[Mind]:
    started = start(request.param, folder)
    try:
        started.service.ready()
        yield started
    finally:
        started.service.stop()


def test_the_words_are_the_same_whole_and_in_pieces(mind: Mind) -> None:
    whole = mind.post().json()
    assert whole["choices"][0]["message"] == {
        "role": "assistant",
        "content": mind.answer,
        "refusal": None,
        "annotations": [],
    }
    assert (whole["choices"][0]["finish_reason"], whole["model"]) == ("stop", mind.model)
    assert whole["id"].startswith("chatcmpl-")
    usage = whole["usage"]
    assert (
        usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > usage["prompt_tokens"]
    )
    first, *more, last, told = mind.chunks(stream_options={"include_usage": True})
    deltas = [chunk["choices"][0]["delta"] for chunk in (first, *more)]
    assert "".join(delta["content"] for delta in deltas) == mind.answer
    assert len(deltas) > 1
    assert [delta.get("role") for delta in deltas] == ["assistant", *(None for _ in more)]
    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "stop")
    assert (told["choices"], told["usage"]["completion_tokens"]) == ([], usage["completion_tokens"])
    assert {chunk["model"] for chunk in more} == {mind.model}
    assert len({chunk["id"] for chunk in (first, *more, last, told)}) == 1


def test_a_tool_is_called_and_its_result_answered(mind: Mind) -> None:
    messages = user(mind.order)
    choice = mind.choice(messages=messages, tools=[ORDER])
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    [call] = choice["message"]["tool_calls"]
    assert call["id"].startswith("call_")
    assert call["function"]["name"] == "order_pizza"
    jsonschema.validate(json.loads(call["function"]["arguments"]), ORDER["function"]["parameters"])
    result = {"role": "tool", "tool_call_id": call["id"], "content": '{"price": 21}'}
    after = mind.choice(messages=[*messages, choice["message"], result], tools=[ORDER])
    assert after["finish_reason"] == "stop"
    assert after["message"]["content"] == (mind.answer if mind.is_llama else "The price is 21.")


def test_a_call_comes_in_pieces_that_clients_join(mind: Mind) -> None:
    client = openai.OpenAI(base_url=f"{mind.service.url}/v1", api_key=KEY, max_retries=0)
    with client.chat.completions.stream(model=mind.model, messages=user(mind.order), tools=[ORDER]) as stream:  # type: ignore[arg-type]
        stream.until_done()
        message = stream.get_final_completion().choices[0].message
    client.close()
    assert message.tool_calls is not None
    [call] = message.tool_calls
    assert call.function.name == "order_pizza"
    jsonschema.validate(json.loads(call.function.arguments), ORDER["function"]["parameters"])


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("name", ["order_pizza", "pizza_price"])
def test_a_named_tool_is_the_one_that_is_called(mind: Mind, name: str, is_streamed: bool) -> None:
    wanted = {
        "tools": [ORDER, PRICE],
        "tool_choice": {"type": "function", "function": {"name": name}},
        "parallel_tool_calls": False,
    }
    if is_streamed:
        calls = mind.chunks(**wanted)[0]["choices"][0]["delta"]["tool_calls"]
    else:
        calls = mind.choice(**wanted)["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == [name]


def test_a_call_is_made_when_it_has_to_be_and_not_when_it_may_not(mind: Mind) -> None:
    forced = mind.choice(tools=[ORDER], tool_choice="required")
    assert (forced["finish_reason"], forced["message"]["content"]) == ("tool_calls", None)
    for call in forced["message"]["tool_calls"]:
        jsonschema.validate(json.loads(call["function"]["arguments"]), ORDER["function"]["parameters"])
    none = mind.choice(tools=[ORDER], tool_choice="none")
    assert (none["finish_reason"], none["message"]["content"]) == ("stop", mind.answer)


def test_json_is_what_was_asked_for(mind: Mind) -> None:
    schema = ORDER["function"]["parameters"]
    form = {"type": "json_schema", "json_schema": {"name": "order", "strict": True, "schema": schema}}
    for asked in (mind.order, "two small ones"):
        content = mind.choice(messages=user(asked), response_format=form)["message"]["content"]
        jsonschema.validate(json.loads(content), schema)
    answer = mind.choice(response_format={"type": "json_object"})["message"]["content"]
    assert isinstance(json.loads(answer), dict)
    [chunk, *_] = mind.chunks(response_format={"type": "json_object"})
    assert chunk["choices"][0]["delta"]["content"][0] == "{"


def test_limits_and_stops(mind: Mind) -> None:
    cut = mind.choice(max_completion_tokens=2)
    assert cut["finish_reason"] == "length"
    assert mind.answer.startswith(cut["message"]["content"])
    assert 0 < len(cut["message"]["content"]) < len(mind.answer)
    word = mind.answer.split()[2]
    stopped = mind.choice(stop=[f" {word}"])
    assert (stopped["message"]["content"], stopped["finish_reason"]) == (
        mind.answer.split(f" {word}")[0],
        "stop",
    )


def test_several_choices(mind: Mind) -> None:
    reply = mind.post(n=2, seed=7).json()
    assert [choice["message"]["content"] for choice in reply["choices"]] == [mind.answer] * 2
    assert [choice["index"] for choice in reply["choices"]] == [0, 1]


def test_the_last_word_may_be_the_assistants(mind: Mind) -> None:
    """It is answered, not continued."""
    messages = [*user(mind.ask), {"role": "assistant", "content": "Let me think."}]
    content = mind.choice(messages=messages)["message"]["content"]
    assert not content.startswith("Let me think.")


def test_history_of_any_shape_is_read(mind: Mind) -> None:
    """As other servers and cut replies leave it."""
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "order_pizza", "arguments": '{"size": "la'},
    }
    messages = [
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        *user("hello"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "it failed"},
        {"role": "assistant", "content": "Sorry.", "annotations": [], "audio": None},
        {"role": "system", "content": "The user is in a hurry."},
        *user(mind.ask),
    ]
    assert mind.choice(messages=messages, tools=[ORDER])["message"]["content"] == mind.answer


def enum_of(number: int) -> dict[str, Any]:
    values = {"type": "string", "enum": [f"v{value}" for value in range(number)]}
    parameters = {"type": "object", "properties": {"value": values}, "required": ["value"]}
    return {"type": "function", "function": {"name": "choose", "parameters": parameters}}


def chain_of(references: int) -> dict[str, Any]:
    """A schema's references, each to the next."""
    definitions = {f"a{number}": {"$ref": f"#/$defs/a{number + 1}"} for number in range(references)}
    schema = {"$ref": "#/$defs/a0", "$defs": definitions | {f"a{references}": {"type": "object"}}}
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "messages",
    ),
    ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages"),
    ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, "messages.[0].tool_call_id"),
    ({"max_token": 5}, "max_token"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"temperature": 3}, "temperature"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logit_bias": {"word": 1}}, "logit_bias"),
    ({"logit_bias": {"5": 101}}, "logit_bias"),
    ({"n": 99}, "n"),
    ({"stop": ["a"] * 5}, "stop"),
    ({"tools": [ORDER] * (MAX_TOOLS + 1)}, "tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [ORDER], "tool_choice": "always"}, "tool_choice"),
    ({"tools": [ORDER], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
    ({"response_format": {"type": "xml"}}, "response_format"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"tools": [enum_of(MAX_ENUM_VALUES + 1)]}, "tools"),
    ({"response_format": chain_of(20_000)}, "response_format"),  # would end llama.cpp's process
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"audio": {"voice": "alloy", "format": "mp3"}}, "audio"),
    ({"functions": [{"name": "x"}]}, "functions"),
]


@pytest.mark.parametrize(("body", "param"), BAD, ids=[json.dumps(body)[:40] for body, _ in BAD])
def test_a_bad_request_is_named(mind: Mind, body: dict[str, Any], param: str) -> None:
    reply = mind.post(**body)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["param"].startswith(param)
    assert error["code"]
    assert error["message"]


@pytest.mark.parametrize("schema", [{"$ref": "https://example.com/x"}, {"type": "nonsense"}])
def test_a_schema_that_cannot_be_kept_to_is_refused(mind: Mind, schema: dict[str, Any]) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    reply = mind.post(response_format=form)
    error = reply.json()["error"]
    assert (reply.status_code, error["param"]) == (400, "response_format.json_schema.schema")
    assert error["message"]


def test_limits_beyond_all_numbers_are_none(mind: Mind) -> None:
    assert mind.choice(max_tokens=10**30, seed=-(10**30))["message"]["content"] == mind.answer


def test_names_and_keys(mind: Mind) -> None:
    http = mind.service.http
    assert [model["id"] for model in http.get("/v1/models").json()["data"]] == [mind.model]
    assert mind.post(model="gpt-4o-mini").json()["model"] == mind.model
    unknown = mind.post(model="llama-9")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")
    wrong = http.post(CHAT, json={"messages": user("x")}, headers={"authorization": "Bearer wrong"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_api_key")
    assert http.post(CHAT, content=b"{not json").status_code == 400


def test_every_parameter_has_one_fate(mind: Mind) -> None:
    parameters = mind.description()["parameters"]
    assert not set(parameters["honoured"]) & set(parameters["ignored"])
    hints = {"temperature": 0.5, "top_p": 0.9, "top_k": 20, "min_p": 0.1, "presence_penalty": 0.5, "seed": -3}
    assert mind.choice(**hints, user="me", store=False, logit_bias={"5": -100})["message"]["content"]
    where = "honoured" if mind.is_llama else "ignored"
    assert {"temperature", "top_p", "top_k", "min_p", "logit_bias", "presence_penalty"} <= set(
        parameters[where]
    )


def test_probabilities_are_told_or_refused(mind: Mind) -> None:
    reply = mind.post(logprobs=True, top_logprobs=2, max_tokens=2)
    if not mind.is_llama:
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, "logprobs")
        return
    tokens = reply.json()["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == reply.json()["choices"][0]["message"]["content"]
    assert set(tokens[0]) == {"token", "logprob", "bytes", "top_logprobs"}
    assert len(tokens[0]["top_logprobs"]) == 2
    [first, *_] = mind.chunks(logprobs=True, max_tokens=2)
    assert first["choices"][0]["logprobs"]["content"][0]["token"] == tokens[0]["token"]
    assert mind.post(logprobs=True, tools=[ORDER]).json()["error"]["param"] == "logprobs"


def test_the_beginning_of_a_prompt_may_be_read_ahead(mind: Mind) -> None:
    system = {"role": "system", "content": "You are a patient assistant who knows all about pizza." * 9}
    reply = mind.service.http.post("/v1/chat/prewarm", json={"messages": [system], "tools": [ORDER]})
    told = reply.json()
    assert (reply.status_code, told["object"], told["is_whole"]) == (200, "chat.prewarm", True)
    usage = mind.post(messages=[system, *user(mind.ask)], tools=[ORDER]).json()["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    assert mind.description().get("prewarm", False) is mind.is_llama
    assert cached > 0.8 * told["prompt_tokens"] if mind.is_llama else cached == 0


def test_context_is_told_and_too_long_a_prompt_refused(mind: Mind) -> None:
    """Rules read as much as a request can hold."""
    context = mind.description().get("context")
    assert context == (4096 if mind.is_llama else None)
    for is_streamed in (False, True):
        reply = mind.post(messages=user("so long " * 4096), stream=is_streamed)
        if context is None:
            assert reply.status_code == 200
            continue
        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (400, "context_length_exceeded")
        assert re.search(rf"maximum context length is {context} tokens", error["message"])
    assert mind.choice()["message"]["content"] == mind.answer


def test_the_engine_that_was_asked_for_is_the_one_that_runs(mind: Mind) -> None:
    assert mind.description().get("backend") == (mind.model if mind.is_llama else None)


def busy_slots(address: str, key: str) -> int:
    metrics = httpx.get(
        f"{address}/metrics", headers={"authorization": f"Bearer {key}"}, trust_env=False
    ).text
    found = re.search(r"^llamacpp:requests_processing (\d+)", metrics, re.MULTILINE)
    assert found, metrics
    return int(found[1])


@pytest.fixture(scope="module")
def endless(folder: Path) -> Iterator[Mind]:
    """A model that never stops talking."""
    model = scripted(folder / "endless.gguf", Script(is_endless=True, context=1 << 20))
    settings = {"llm_server": "built-in", "llm_context": "1000000", "llm_parallel": "1"}
    service = MindService(gguf(model), folder, **settings)
    try:
        yield Mind(service.ready(), "endless", "talk", REPLY, "")
    finally:
        service.stop()


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_reply_ends_when_its_client_goes(endless: Mind, is_streamed: bool) -> None:
    process = endless.service.llama()
    [address] = [
        f"http://127.0.0.1:{one.laddr.port}"
        for one in process.net_connections("tcp4")
        if one.status == "LISTEN"
    ]
    key = process.environ()["LLAMA_API_KEY"]
    body = {"messages": user("talk"), "max_tokens": 900_000, "stream": is_streamed}
    if is_streamed:
        with endless.service.http.stream("POST", CHAT, json=body) as reply:
            pieces = reply.iter_bytes()
            next(pieces)
            assert busy_slots(address, key) == 1
    else:
        with pytest.raises(httpx.ReadTimeout):
            endless.service.http.post(CHAT, json=body, timeout=httpx.Timeout(5, read=0.3))
    left = time.monotonic()
    while busy_slots(address, key):
        assert time.monotonic() - left < IDLE_WITHIN
    assert endless.choice(max_tokens=2)["finish_reason"] == "length"


@pytest.mark.parametrize("is_thinking", [False, True])
@pytest.mark.parametrize("has_switch", [False, True])
def test_thoughts_are_never_told(folder: Path, has_switch: bool, is_thinking: bool) -> None:
    """By a model whose template can turn them off, and by one that nobody knows to think."""
    script = Script(thought=THOUGHT, has_switch=has_switch)
    model = gguf(scripted(folder / "thinking.gguf", script))
    service = MindService(model, folder, llm_server="built-in", llm_thinking=str(is_thinking))
    mind = Mind(service, "thinking", "hi", REPLY, "")
    try:
        service.ready()
        reply = mind.post().json()
        assert reply["choices"][0]["message"]["content"] == REPLY
        thoughts = reply["usage"]["completion_tokens_details"]["reasoning_tokens"]
        assert bool(thoughts) is (is_thinking or not has_switch)
        deltas = [chunk["choices"][0]["delta"] for chunk in mind.chunks()]
        assert "".join(delta.get("content") or "" for delta in deltas) == REPLY
        assert set().union(*deltas) <= {"role", "content", "refusal"}
    finally:
        service.stop()


def test_a_strict_template_is_given_what_it_takes(folder: Path) -> None:
    """Gemma's and Mistral's raise exceptions at a system's word, and at two messages of the same role."""
    model = gguf(scripted(folder / "strict.gguf", Script(is_strict=True)))
    service = MindService(model, folder, llm_server="built-in")
    mind = Mind(service, "strict", "hi", REPLY, "")
    system = {"role": "system", "content": "Be kind."}
    try:
        service.ready()
        messages = [
            system,
            *user("hello"),
            {"role": "assistant", "content": "Hi."},
            system,
            *user("a"),
            *user("b"),
        ]
        assert mind.choice(messages=messages)["message"]["content"] == REPLY
        reply = service.http.post("/v1/chat/prewarm", json={"messages": [system]})
        assert reply.status_code == 200, reply.text
    finally:
        service.stop()
