"""Which tool a turn calls, and with what."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sottovoce.engines.llm.base import ToolCall
from sottovoce.engines.llm.chat import FunctionCall, Message, Tool
from sottovoce.engines.llm.rules.arguments import Filled, fill
from sottovoce.engines.llm.rules.choosing import MIN_SCORE, STOPWORDS, SURE_SCORE, best_tool, naming_words
from sottovoce.engines.llm.rules.follow_up import LINK
from sottovoce.engines.llm.rules.intent import BEYOND, TOOLS, Intent
from sottovoce.engines.llm.rules.schema import fields_of
from sottovoce.engines.llm.rules.words import normalize
from sottovoce.errors import InvalidRequestError

ASKING = "I need to know one more thing for that: the "
"""How a question for a tool's missing argument begins; its answer is read together with the request."""
PREFERENCES = frozenset("unit units format language locale".split(" "))
"""Words of arguments that nobody is asked for: any value will do."""
MAX_VARIATION_WORDS = 6
"""Of "and in New York": more is a request of its own."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Text or calls, whole; the text is streamed later."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Calling:
    """The calls that a turn may make.

    `said` is what they are about, `text` the user's last message, `before` the assistant's last call.
    """

    tools: Sequence[Tool]
    intent: Intent
    text: str
    said: str
    today: date
    before: FunctionCall | None = None

    def named(self, name: str) -> Reply:
        """Raises `InvalidRequestError` if there is no such tool."""
        if (tool := self._find(name)) is None:
            raise InvalidRequestError(
                f"tool_choice names {name!r}, which is not among the tools.", param="tool_choice"
            )
        return self._call(tool)

    def required(self) -> Reply:
        """Raises `InvalidRequestError` if there are no tools."""
        if not self.tools:
            raise InvalidRequestError(
                "tool_choice is 'required', but there are no tools.", param="tool_choice"
            )
        return self._call(self._own_tool() or best_tool(self.tools, self.said)[1])

    def unasked(self) -> Reply | None:
        """A call that the user's words ask for; a question where an argument is missing; None to answer."""
        own = self._own_tool()
        if own is not None:
            return self._call(own)
        if self.intent.missing or not (others := self._foreign_tools()):
            return None
        fit, tool = best_tool(others, self.said)
        is_unanswered = self.intent.name in BEYOND or tool.function.name == TOOLS.get(self.intent.name)
        if fit < (MIN_SCORE if is_unanswered else SURE_SCORE):
            return self._variation()
        return self._call_or_ask(tool)

    def _own_tool(self) -> Tool | None:
        """The offered tool that serves the intent, when it takes the intent's arguments."""
        name = TOOLS.get(self.intent.name)
        if name is None or self.intent.missing:
            return None
        tool = self._find(name)
        return tool if tool is not None and _takes(tool, self.intent) else None

    def _foreign_tools(self) -> list[Tool]:
        """The client's own tools; one named as ours counts only where it is what was asked for."""
        wanted = TOOLS.get(self.intent.name)
        own = set(TOOLS.values()) - {wanted}
        return [tool for tool in self.tools if tool.function.name not in own]

    def _find(self, name: str) -> Tool | None:
        return next((tool for tool in self.tools if tool.function.name == name), None)

    def _call(self, tool: Tool) -> Reply:
        if tool == self._own_tool():
            return _called(tool, _completed(tool, self.intent))
        return _called(tool, self._filled(tool, self.said).arguments)

    def _call_or_ask(self, tool: Tool) -> Reply:
        filled = self._filled(tool, self.said)
        asked = [one for one in filled.missing if not set(one.words) & PREFERENCES]
        if asked:
            return Reply(text=f"{ASKING}{' '.join(asked[0].words)}?")
        return _called(tool, filled.arguments)

    def _filled(self, tool: Tool, words: str) -> Filled:
        return fill(tool.function.schema_, words, self.today, naming_words(tool))

    def _variation(self) -> Reply | None:
        """ "And in London": the call before once more, with what is said anew."""
        tool = self._find(self.before.name) if self.before else None
        changed = _changed(self.text) if self.intent.name == "unknown" else ""
        if tool is None or not changed or tool.function.name in TOOLS.values():
            return None
        filled = self._filled(tool, changed)
        guessed = {one.name for one in filled.missing}
        new = {name: value for name, value in filled.arguments.items() if name not in guessed}
        return _called(tool, {**_arguments(self.before), **new}) if new else None


def last_call(messages: Sequence[Message]) -> FunctionCall | None:
    """What the assistant called for the request before the last one."""
    users = [index for index, message in enumerate(messages) if message.role == "user"][-2:]
    between = messages[users[0] : users[1]] if len(users) == 2 else ()
    calls = [call.function for message in between for call in message.tool_calls or ()]
    return calls[-1] if calls else None


def _changed(text: str) -> str:
    """What follows the "and" or "what about" of a short request; empty where there is nothing."""
    words = normalize(text)
    rest = LINK.sub("", words)
    is_linked = rest != words and bool(set(rest.split()) - STOPWORDS - {"then", "now", "so"})
    if not is_linked or len(rest.split()) > MAX_VARIATION_WORDS:
        return ""
    found = re.search(rf"\b{re.escape(rest)}\W*$", text, re.I)  # with the capitals it was written with
    return found.group() if found else rest


def _arguments(call: FunctionCall | None) -> dict[str, Any]:
    try:
        given = json.loads(call.arguments) if call else {}
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def _takes(tool: Tool, intent: Intent) -> bool:
    fields = fields_of(tool.function.schema_)
    names = {one.name for one in fields}
    is_complete = all(
        one.name in intent.arguments or one.is_nullable or one.has_default or not one.is_required
        for one in fields
    )
    return set(intent.arguments) <= names and is_complete


def _completed(tool: Tool, intent: Intent) -> dict[str, Any]:
    """The intent's arguments, with null or the default for what a strict schema requires beyond them."""
    given = dict(intent.arguments)
    for one in fields_of(tool.function.schema_):
        if one.is_required and one.name not in given:
            given[one.name] = one.default if one.has_default else None
    return given


def _called(tool: Tool, arguments: Mapping[str, Any]) -> Reply:
    call = ToolCall(f"call_{secrets.token_hex(12)}", tool.function.name, json.dumps(arguments))
    return Reply(calls=(call,))
