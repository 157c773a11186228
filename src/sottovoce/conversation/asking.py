"""One question to the model: the history, the tools on offer, and how much it may say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from livekit.agents import llm
from livekit.agents.types import NOT_GIVEN, NotGivenOr

from sottovoce.conversation.options import ClientTool, ToolChoice, ToolNamed
from sottovoce.conversation.plan import Plan
from sottovoce.conversation.prompt import beginning, prompt
from sottovoce.errors import InvalidRequestError

_LENGTHS: WeakKeyDictionary[llm.Tool, int] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Question:
    """`items` are the whole history; who asks may show less of it."""

    items: Sequence[llm.ChatItem]
    plan: Plan
    tools: list[llm.Tool]
    tool_choice: NotGivenOr[llm.ToolChoice]
    max_tokens: int | None

    @property
    def is_of_conversation(self) -> bool:
        """It is not about a history given for it alone."""
        return self.plan.history is None

    @property
    def beside(self) -> int:
        """The characters that the model reads beside the history: its tools."""
        return sum(_length(tool) for tool in self.tools)

    def beginning(self, shown: Sequence[llm.ChatItem]) -> llm.ChatContext:
        """What `context` will begin with, whatever is said next."""
        return beginning(shown, self.plan)

    def context(self, shown: Sequence[llm.ChatItem]) -> llm.ChatContext:
        """What the model reads, of `shown`."""
        return prompt(shown, self.plan)


def ask(
    items: Sequence[llm.ChatItem],
    plan: Plan,
    own_tools: Sequence[llm.Tool],
    *,
    spent: int = 0,
    follows_tool: NotGivenOr[llm.ToolChoice] | None = None,
) -> Question:
    """The next question of the reply that `plan` describes.

    `spent` are its tokens so far. `follows_tool` is the choice for a step after a server's tool, where
    nothing is forced any more, and None for the first step.
    """
    tools = offered(plan, own_tools)
    choice = _first_choice(plan, tools) if follows_tool is None else _later_choice(plan, follows_tool)
    limit = plan.max_output_tokens
    return Question(list(items), plan, tools, choice, None if limit is None else max(1, limit - spent))


def offered(plan: Plan, own_tools: Sequence[llm.Tool]) -> list[llm.Tool]:
    """The client's tools and the server's own, of which one with a name of the client's is left out."""
    theirs: list[llm.Tool] = [_stand_in(tool) for tool in plan.tools]
    own = [tool for tool in own_tools if tool.id not in plan.client_names]
    match plan.tool_choice:
        case "none":
            return theirs
        case ToolNamed(name):
            return [tool for tool in (*theirs, *own) if tool.id == name] or [*theirs, *own]
        case _:
            return [*theirs, *own]


def check_choice(choice: ToolChoice, tools: Sequence[ClientTool], own_tools: Sequence[llm.Tool]) -> None:
    """Raises `InvalidRequestError` where `choice` names no tool that could be called."""
    known = {tool.name for tool in tools} | {tool.id for tool in own_tools}
    if isinstance(choice, ToolNamed) and choice.name not in known:
        raise InvalidRequestError(
            f"tool_choice names {choice.name!r}, which is not among the tools.", param="tool_choice"
        )


def _length(tool: llm.Tool) -> int:
    """Of what the model reads of it; making that takes milliseconds, and tools stay the same."""
    if tool not in _LENGTHS:
        _LENGTHS[tool] = len(json.dumps(llm.ToolContext([tool]).parse_function_tools("openai", strict=False)))
    return _LENGTHS[tool]


def _first_choice(plan: Plan, tools: Sequence[llm.Tool]) -> NotGivenOr[llm.ToolChoice]:
    match plan.tool_choice:
        case "auto":
            return NOT_GIVEN
        case ToolNamed(name):
            is_there = any(tool.id == name for tool in tools)
            return {"type": "function", "function": {"name": name}} if is_there else NOT_GIVEN
        case choice:
            return choice


def _later_choice(plan: Plan, given: NotGivenOr[llm.ToolChoice]) -> NotGivenOr[llm.ToolChoice]:
    return "none" if plan.tool_choice == "none" else given


def _stand_in(tool: ClientTool) -> llm.Tool:
    """A tool for the model to see. Its call is taken out before anything here could run it."""
    schema = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }

    async def run_by_client(raw_arguments: dict[str, object]) -> None:
        raise llm.ToolError("Only the client can run this tool.")

    return llm.function_tool(run_by_client, raw_schema=schema)
