"""A reply request in llama.cpp's words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sottovoce.engines.llm.base import ReplyRequest, Sampling
from sottovoce.engines.llm.chat import Message, NamedTool, Tool

MAX_TOKENS = 2048
"""Of a reply whose request names no limit: inside a grammar a model may go on for ever."""

MOST_TOKENS = (1 << 31) - 1
"""llama.cpp's numbers end here; any context does before."""

SEEDS = (1 << 32) - 1
"""llama.cpp's seeds are below it; itself stands for chance."""

_ROLES = {"developer": "system", "function": "tool"}
"""Templates know the older word for the one, and the newer word for the other."""

UNSAID = "."
"""Stands for what the user will say, where a prompt is read ahead: some templates want a user's message."""


@dataclass(frozen=True, slots=True)
class Manners:
    """What a model's template wants: whether it is to think, and whether it takes no system's word and no two
    messages in a row of the same role, as Gemma's and Mistral's."""

    is_thinking: bool = False
    is_strict: bool = False


def chat_body(request: ReplyRequest, manners: Manners) -> dict[str, Any]:
    """The body of a streamed completion that tells how far the prompt is read."""
    messages = [_message(message) for message in request.messages]
    return {
        "messages": alternating(messages) if manners.is_strict else messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "cache_prompt": True,
        "max_tokens": min(request.max_tokens or MAX_TOKENS, MOST_TOKENS),
        "chat_template_kwargs": {"enable_thinking": manners.is_thinking},
        **_tools(request),
        **_form(request),
        **_sampling(request.sampling),
        **({"stop": list(request.stop)} if request.stop else {}),
        **({"seed": request.seed % SEEDS} if request.seed is not None else {}),
    }


def ahead_body(request: ReplyRequest, manners: Manners) -> dict[str, Any]:
    """The same for a prompt that is read ahead of the user's words: one token is drawn and thrown away."""
    body = chat_body(request, manners)
    if body["messages"][-1]["role"] != "user":
        body["messages"].append({"role": "user", "content": UNSAID})
    return {**body, "max_tokens": 1}


def alternating(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The system's words as the user's, and what follows from the same side as one message."""
    told: list[dict[str, Any]] = []
    for message in messages:
        role = "user" if message["role"] == "system" else message["role"]
        last = told[-1] if told else {}
        if (
            role == last.get("role")
            and role != "tool"
            and not {"tool_calls"} & (message.keys() | last.keys())
        ):
            last["content"] = f"{last['content']}\n\n{message['content']}"
        else:
            told.append({**message, "role": role})
    return told


def _message(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"role": _ROLES.get(message.role, message.role), "content": message.text}
    if message.tool_calls:
        told["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": _object(call.function.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        told["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        told["name"] = message.name
    return told


def _object(arguments: str) -> str:
    """Templates want an object: what was cut off, or never was one, becomes the value of one."""
    try:
        if isinstance(json.loads(arguments), dict):
            return arguments
    except (ValueError, RecursionError):
        pass
    return json.dumps({"arguments": arguments})


def _tools(request: ReplyRequest) -> dict[str, Any]:
    """llama.cpp takes a tool's name in tool_choice for "auto": instead it is offered that tool alone."""
    choice, tools = request.tool_choice, request.tools
    if isinstance(choice, NamedTool):
        tools = tuple(tool for tool in tools if tool.function.name == choice.function.name)
        choice = "required"
    if not tools:
        return {}
    return {
        "tools": list(_offered(tools)),
        "tool_choice": choice,
        "parallel_tool_calls": request.has_parallel_calls,
    }


def _offered(tools: Sequence[Tool]) -> Iterator[dict[str, Any]]:
    """In the same form each time, for the prompt begins with them."""
    for tool in tools:
        function: dict[str, Any] = {"name": tool.function.name}
        if tool.function.description:
            function["description"] = tool.function.description
        function["parameters"] = tool.function.parameters or {"type": "object", "properties": {}}
        yield {"type": "function", "function": function}


def _form(request: ReplyRequest) -> dict[str, Any]:
    if request.json_schema is None:
        return {}
    if not request.json_schema:
        return {"response_format": {"type": "json_object"}}
    schema = {"name": "answer", "strict": True, "schema": dict(request.json_schema)}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _sampling(sampling: Sampling) -> dict[str, Any]:
    given = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "logit_bias": dict(sampling.logit_bias) or None,
    }
    if sampling.top_logprobs is not None:
        given |= {"logprobs": True, "top_logprobs": max(1, sampling.top_logprobs)}  # 0 turns both off
    return {name: value for name, value in given.items() if value is not None}
