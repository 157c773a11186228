"""One reply: what the last message means in its context, which tool it asks for, what is said."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from datetime import datetime

from sottovoce.engines.llm.base import ReplyRequest
from sottovoce.engines.llm.chat import Message, NamedTool
from sottovoce.engines.llm.rules import understanding
from sottovoce.engines.llm.rules.answers import Scene, answer
from sottovoce.engines.llm.rules.calling import ASKING, Calling, Reply, last_call
from sottovoce.engines.llm.rules.history import Past, recall_past
from sottovoce.engines.llm.rules.intent import Intent
from sottovoce.engines.llm.rules.results import say_results
from sottovoce.engines.llm.rules.structured import json_reply

MAX_TEXT_CHARACTERS = 2000
"""Of the user's message that is looked at, from its end: bounds the work of one reply."""
OFFERED = re.compile(r"\b(?:say|greet\w* with|reply)\b:?\s*[\"“'](.+?)[\"”']", re.S | re.I)
"""Instructions that give the words to say."""


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
        """Raises `InvalidRequestError` for a tool that is not there, or a schema that cannot be kept to."""
        choice, calling = self.request.tool_choice, self.calling()
        if isinstance(choice, NamedTool):
            return calling.named(choice.function.name)
        if choice == "required":
            return calling.required()
        is_open = choice == "auto" and not self.results and self.request.tools
        asked = calling.unasked() if is_open else None
        if asked is not None and (asked.calls or self.request.json_schema is None):
            return asked
        said = say_results(self.results) if self.results else self.answer()
        return Reply(text=self.in_form(said))

    def calling(self) -> Calling:
        today = self.scene.now.date()
        before = last_call(self.messages)
        return Calling(self.request.tools, self.intent, self.text, self.said(), today, before)

    def said(self) -> str:
        """The user's words, with the request before where they only answer a question about it."""
        before = self.scene.past.said[-1:] and self.scene.past.said[-1].startswith(ASKING)
        users = [message.text[-MAX_TEXT_CHARACTERS:] for message in self.messages if message.role == "user"]
        return " ".join(users[-2:]) if before else self.text

    def answer(self) -> str:
        instructed = _instructed(self.messages)
        if instructed:
            return instructed
        if not self.text.strip():
            return answer(Intent("greet"), self.scene)
        return answer(self.intent, self.scene)

    def in_form(self, said: str) -> str:
        """`said` in the JSON that was asked for, if any was."""
        schema = self.request.json_schema
        return said if schema is None else json_reply(schema, self.text, said, self.scene.now.date())


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
