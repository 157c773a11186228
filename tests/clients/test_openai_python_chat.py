"""openai-python: chat completions, their tools and their shapes."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

QUESTION = "what is twelve times seven"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
ASKING = {"role": "user", "content": "what is the weather in Paris"}
SUNNY = '{"temperature": 21, "sky": "sunny"}'


def test_a_chat_is_answered(client: OpenAI) -> None:
    reply = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": QUESTION}])
    (choice,) = reply.choices
    assert "84" in (choice.message.content or "")
    assert choice.finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_a_chat_is_streamed_with_its_usage_last(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4.1",
        messages=[{"role": "developer", "content": "Be brief."}, {"role": "user", "content": QUESTION}],
        stream=True,
        stream_options={"include_usage": True},
        user="somebody",
        store=False,
        metadata={"from": "a test"},
    )
    *chunks, last = list(stream)
    assert "84" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert [chunk.usage for chunk in chunks] == [None] * len(chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0


def test_a_tool_is_called_and_its_answer_told(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gpt-4o",
        messages=[ASKING],
        tools=[WEATHER],
        stream=True,  # type: ignore[list-item]
    )
    pieces = [call for chunk in stream for choice in chunk.choices for call in choice.delta.tool_calls or []]
    assert pieces[0].id
    assert pieces[0].function is not None
    assert pieces[0].function.name == "get_weather"
    arguments = "".join((piece.function and piece.function.arguments) or "" for piece in pieces)
    assert json.loads(arguments) == {"city": "Paris"}
    call = {
        "id": pieces[0].id,
        "type": "function",
        "function": {"name": "get_weather", "arguments": arguments},
    }
    answered: Any = [
        ASKING,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": SUNNY},
    ]
    reply = client.chat.completions.create(model="gpt-4o", messages=answered, tools=[WEATHER])  # type: ignore[list-item]
    assert "sunny" in (reply.choices[0].message.content or "")


@pytest.mark.parametrize(
    ("choice", "is_called"),
    [
        ("auto", True),
        ("none", False),
        ("required", True),
        ({"type": "function", "function": {"name": "get_weather"}}, True),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "get_weather"}}],
                },
            },
            True,
        ),
    ],
)
def test_every_tool_choice_is_kept(client: OpenAI, choice: Any, is_called: bool) -> None:
    reply = client.chat.completions.create(
        model="gpt-4o",
        messages=[ASKING],
        tools=[WEATHER],
        tool_choice=choice,  # type: ignore[list-item]
    )
    (made,) = reply.choices
    assert bool(made.message.tool_calls) is is_called
    # as at OpenAI: a call that was named for the model ends with "stop"
    named = isinstance(choice, dict) and choice["type"] == "function"
    assert made.finish_reason in (
        {"stop", "tool_calls"} if named else {"tool_calls" if is_called else "stop"}
    )


class Sum(BaseModel):
    answer: str


def test_an_answer_takes_the_shape_that_was_asked_for(client: OpenAI) -> None:
    asked: Any = [{"role": "user", "content": QUESTION}]
    parsed = client.chat.completions.parse(model="gpt-4o", messages=asked, response_format=Sum)
    shaped = parsed.choices[0].message.parsed
    assert shaped is not None
    assert "84" in shaped.answer
    loose = client.chat.completions.create(
        model="gpt-4o", messages=asked, response_format={"type": "json_object"}
    )
    assert isinstance(json.loads(loose.choices[0].message.content or ""), dict)


def test_a_short_answer_ends_with_length(client: OpenAI) -> None:
    reply = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "count to forty"}], max_completion_tokens=5
    )
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 5


def test_a_malformed_chat_is_a_bad_request(client: OpenAI) -> None:
    wrong: Any = [{"role": "nobody", "content": "hi"}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="gpt-4o", messages=wrong)
    assert (caught.value.param or "").startswith("messages")
