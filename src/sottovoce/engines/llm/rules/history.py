"""What the messages before the current one leave behind: the last request, facts, what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sottovoce.engines.llm.chat import Message
from sottovoce.engines.llm.rules.intent import Intent
from sottovoce.engines.llm.rules.understanding import understand
from sottovoce.skills.facts import Facts, FactsError

MAX_TURNS = 30
"""User messages that are looked back on: bounds the work of one reply."""
PASSING = frozenset({"affirm", "deny", "thanks", "praise", "unknown", "repeat", "greet", "test"})
"""Intents that leave the request before them standing for "and in Paris" and the like."""


@dataclass(slots=True)
class Past:
    """`before` is the last request with content, `said` the assistant's texts, oldest first."""

    before: Intent | None = None
    facts: Facts = field(default_factory=Facts)
    said: list[str] = field(default_factory=list)

    def hear(self, text: str) -> None:
        """Take in one message of the user's."""
        intent = understand(text, self.before)
        self._note(intent)
        if intent.name not in PASSING:
            self.before = None if intent.name == "stop" else intent

    def _note(self, intent: Intent) -> None:
        try:
            if intent.name == "remember":
                self.facts.remember(intent.arguments["fact"])
            elif intent.name == "forget":
                self.facts.forget(intent.arguments.get("about", ""))
        except FactsError:
            return  # it was refused when it was said, too


def recall_past(messages: Sequence[Message]) -> Past:
    """The past of a conversation up to, not including, what is to be answered now."""
    past = Past()
    users = [index for index, message in enumerate(messages) if message.role == "user"]
    start = users[-MAX_TURNS] if len(users) > MAX_TURNS else 0
    for message in messages[start:]:
        if message.role == "user":
            past.hear(message.text)
        elif message.role == "assistant" and message.text.strip():
            past.said.append(message.text.strip())
    return past
