"""What an utterance was understood to ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Intent:
    """`arguments` are those of the tool that serves it; `missing` names what still has to be asked for."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    missing: str = ""


UNKNOWN = Intent("unknown")

TOOLS: Mapping[str, str] = {
    "time": "get_time",
    "date": "get_date",
    "countdown": "count_days",
    "calculate": "calculate",
    "convert": "convert_units",
    "set_timer": "set_timer",
    "list_timers": "list_timers",
    "cancel_timer": "cancel_timer",
    "set_reminder": "set_reminder",
    "remember": "remember",
    "recall": "recall",
    "forget": "forget",
    "roll_dice": "roll_dice",
    "flip_coin": "flip_coin",
    "pick_number": "pick_number",
}
"""The tool that serves an intent, where one does."""

BEYOND = frozenset({"unknown", "weather", "news", "music", "home", "reach"})
"""What the rules have no answer for: a client's tool may."""

Build: TypeAlias = Callable[[re.Match[str]], Intent | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """Understands utterances that `pattern` matches as a whole, when `build` agrees."""

    pattern: re.Pattern[str]
    build: Build

    def read(self, words: str) -> Intent | None:
        found = self.pattern.fullmatch(words)
        return self.build(found) if found else None


def rule(pattern: str, build: Build | str) -> Rule:
    """A rule whose spaces in `pattern` match any one space; a name builds an intent without arguments."""
    if isinstance(build, str):
        intent = Intent(build)
        return Rule(re.compile(pattern), lambda _: intent)
    return Rule(re.compile(pattern), build)
