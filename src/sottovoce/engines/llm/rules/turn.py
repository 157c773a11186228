"""One reply: what the last message means in its context, which tool it asks for, what is said."""

from __future__ import annotations

import json
import random
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sottovoce.engines.llm.base import ReplyRequest, ToolCall
from sottovoce.engines.llm.chat import Message, NamedTool, Tool
from sottovoce.engines.llm.rules import understanding
from sottovoce.engines.llm.rules.answers import Scene, answer
from sottovoce.engines.llm.rules.arguments import Filled, fill
from sottovoce.engines.llm.rules.choosing import MIN_SCORE, SURE_SCORE, best_tool, naming_words
from sottovoce.engines.llm.rules.history import Past, recall_past
from sottovoce.engines.llm.rules.intent import BEYOND, TOOLS, Intent
from sottovoce.engines.llm.rules.results import say_results
from sottovoce.engines.llm.rules.schema import fields_of
from sottovoce.errors import InvalidRequestError

MAX_TEXT_CHARACTERS = 2000
"""Of the user's message that is looked at, from its end: bounds the work of one reply."""
ASKING = "I need to know one more thing for that: the "
"""How a question for a tool's missing argument begins; its answer is read together with the request."""
OFFERED = re.compile(r"\b(?:say|greet\w* with|reply)\b:?\s*[\"“'](.+?)[\"”']", re.S | re.I)
"""Instructions that give the words to say."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Text or calls, whole; the text is streamed later."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


class Turn:
    """One reply in the making, at the moment `now`."""

    def __init__(self, request: ReplyRequest, now: datetime) -> None:
        self.request = request
        self.messages = request.messages
        self.results = _trailing_results(request.messages)
        last = _last_user(request.messages)
        self.text = request.messages[last].text[-MAX_TEXT_CHARACTERS:] if last is not None else ""
        past = recall_past(request.messages[:last])
        past.said += [message.text for message in request.messages[last or 0 :] if _is_said(message)]
        rng = random.Random(request.seed) if request.seed is not None else random.SystemRandom()  # noqa: S311
        self.scene = Scene(now, rng, past)
        self.intent = _intent(self.text, past)

    def reply(self) -> Reply:
        choice = self.request.tool_choice
        if isinstance(choice, NamedTool):
            return self.call(_named(self.request.tools, choice.function.name))
        if choice == "required":
            return self.call(self.own_tool() or best_tool(_some(self.request.tools), self.said())[1])
        if self.results:
            return Reply(text=say_results(self.results))
        asked = self.called_unasked() if choice == "auto" and self.request.tools else None
        return asked or Reply(text=self.answer())

    def said(self) -> str:
        """The user's words, with the request before where they only answer a question about it."""
        before = self.scene.past.said[-1:] and self.scene.past.said[-1].startswith(ASKING)
        users = [message.text[-MAX_TEXT_CHARACTERS:] for message in self.messages if message.role == "user"]
        return " ".join(users[-2:]) if before else self.text

    def own_tool(self) -> Tool | None:
        """The offered tool that serves the intent, when it takes the intent's arguments."""
        name = TOOLS.get(self.intent.name)
        if name is None or self.intent.missing:
            return None
        tool = next((tool for tool in self.request.tools if tool.function.name == name), None)
        return tool if tool is not None and _takes(tool, self.intent) else None

    def called_unasked(self) -> Reply | None:
        """A call that the user's words ask for; a question where an argument is missing; None to answer."""
        own = self.own_tool()
        if own is not None:
            return self.call(own)
        if self.intent.missing or not (others := self.foreign_tools()):
            return None
        fit, tool = best_tool(others, self.said())
        if fit < (MIN_SCORE if self.intent.name in BEYOND else SURE_SCORE):
            return None
        filled = self.filled(tool)
        if filled.missing:
            return Reply(text=f"{ASKING}{' '.join(filled.missing[0].words)}?")
        return Reply(calls=(_call(tool, filled.arguments),))

    def foreign_tools(self) -> list[Tool]:
        """The client's own tools; one named as ours counts only where it is what was asked for."""
        wanted = TOOLS.get(self.intent.name)
        own = set(TOOLS.values()) - {wanted}
        return [tool for tool in self.request.tools if tool.function.name not in own]

    def call(self, tool: Tool) -> Reply:
        if tool == self.own_tool():
            return Reply(calls=(_call(tool, _completed(tool, self.intent)),))
        return Reply(calls=(_call(tool, self.filled(tool).arguments),))

    def filled(self, tool: Tool) -> Filled:
        return fill(tool.function.schema_, self.said(), self.scene.now.date(), naming_words(tool))

    def answer(self) -> str:
        instructed = _instructed(self.messages)
        if instructed:
            return instructed
        if not self.text.strip():
            return answer(Intent("greet"), self.scene)
        return answer(self.intent, self.scene)

    def json_text(self) -> str:
        """The answer in the shape that was asked for."""
        schema = self.request.json_schema or {}
        fields = fields_of(schema)
        said = say_results(self.results) if self.results else self.answer()
        if not fields:
            return json.dumps({"answer": said})
        filled = fill(schema, self.text, self.scene.now.date()).arguments
        texts = [one for one in fields if one.kind == "string" and not one.choices]
        if len(texts) == 1 and set(texts[0].words) & {
            "answer",
            "reply",
            "text",
            "message",
            "response",
            "content",
        }:
            filled[texts[0].name] = said
        return json.dumps(filled)


def _intent(text: str, past: Past) -> Intent:
    intent = understanding.understand(text, past.before)
    # a question the rules cannot place may still be about something that was told
    if (
        intent.name == "unknown"
        and len(past.facts)
        and re.match(r"(?:what|where|who|when|which)\b", text.lower())
    ):
        return Intent("recall", {"about": text}) if past.facts.about(text) else intent
    return intent


def _trailing_results(messages: Sequence[Message]) -> list[str]:
    """The tool results that wait for words, oldest first."""
    results: list[str] = []
    for message in reversed(messages):
        if message.role not in ("tool", "function"):
            break
        results.append(message.text)
    return results[::-1]


def _last_user(messages: Sequence[Message]) -> int | None:
    return next((index for index in range(len(messages) - 1, -1, -1) if messages[index].role == "user"), None)


def _is_said(message: Message) -> bool:
    return message.role == "assistant" and bool(message.text.strip())


def _instructed(messages: Sequence[Message]) -> str | None:
    """What instructions after the user's last word ask to say: words in quotes, or a greeting."""
    last = messages[-1]
    system = next((message for message in messages if message.role in ("system", "developer")), None)
    if last.role == "user":
        return None
    source = last if last.role in ("system", "developer") else system
    if source is None:
        return None
    quoted = OFFERED.search(source.text)
    if quoted:
        return quoted.group(1).strip()
    is_greeting = re.search(r"\b(?:greet|welcome|say hello|introduce)\b", source.text, re.I)
    return "Hello! How can I help?" if is_greeting else None


def _some(tools: Sequence[Tool]) -> Sequence[Tool]:
    if not tools:
        raise InvalidRequestError("tool_choice is 'required', but there are no tools.", param="tool_choice")
    return tools


def _named(tools: Sequence[Tool], name: str) -> Tool:
    tool = next((tool for tool in tools if tool.function.name == name), None)
    if tool is None:
        raise InvalidRequestError(
            f"tool_choice names {name!r}, which is not among the tools.", param="tool_choice"
        )
    return tool


def _takes(tool: Tool, intent: Intent) -> bool:
    fields = fields_of(tool.function.schema_)
    names = {one.name for one in fields}
    is_complete = all(
        one.name in intent.arguments or one.is_nullable or one.has_default or not one.is_required
        for one in fields
    )
    return set(intent.arguments) <= names and is_complete


def _completed(tool: Tool, intent: Intent) -> dict[str, object]:
    """The intent's arguments, with null or the default for what a strict schema requires beyond them."""
    given = dict(intent.arguments)
    for one in fields_of(tool.function.schema_):
        if one.is_required and one.name not in given:
            given[one.name] = one.default if one.has_default else None
    return given


def _call(tool: Tool, arguments: dict[str, object]) -> ToolCall:
    return ToolCall(f"call_{secrets.token_hex(12)}", tool.function.name, json.dumps(arguments))
