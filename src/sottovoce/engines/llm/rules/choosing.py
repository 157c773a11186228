"""Which of a client's tools an utterance asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rapidfuzz import fuzz

from sottovoce.engines.llm.chat import Tool
from sottovoce.engines.llm.rules.schema import Field, fields_of, split_name
from sottovoce.engines.llm.rules.spoken_values import digits

MIN_SCORE = 0.5
"""From which on a tool is called unasked (`tool_choice: auto`)."""
SURE_SCORE = 0.75
"""The same where the rules have an answer of their own."""
MAX_TOOLS = 128
MAX_WORDS = 60
"""Of an utterance and of a tool's description: every one is compared with every other."""
MAX_CHARACTERS = 1000
MIN_SIMILARITY = 85.0

WEAK = frozenset(
    "get set fetch find search lookup look query list create make do run call show read new add update tool "
    "function current info information data value my api request send check perform execute".split(" ")
)
"""Words that say little about a tool."""
STOPWORDS = frozenset(
    "a an the is are was be i you me my your it this that what whats which who when where how to of in on at "
    "for with and or please can could would will do does did there here if use used user users by from as "
    "its tell want need like talk".split(" ")
)
SYNONYMS: Mapping[str, str] = {
    "rain": "weather", "raining": "weather", "sunny": "weather", "snow": "weather", "snowing": "weather",
    "forecast": "weather", "temperature": "weather",
    "plus": "add", "sum": "add", "minus": "subtract", "times": "multiply", "multiplied": "multiply",
    "divided": "divide", "mail": "email", "song": "music", "lamp": "light", "lamps": "light",
}  # fmt: skip
"""Words that are said for the same thing, each with the one that stands for them all."""


def best_tool(tools: Sequence[Tool], text: str) -> tuple[float, Tool]:
    """The tool that fits `text` best with its score (0 to 1), the first of equals; `tools` is not empty."""
    spoken = re.findall(r"[a-z][a-z0-9']*", digits(text[:MAX_CHARACTERS]))  # a number is an argument
    said = [word for word in spoken if word not in STOPWORDS][:MAX_WORDS]
    scored = [(score(tool, said), -number) for number, tool in enumerate(tools[:MAX_TOOLS])]
    best, number = max(scored)
    return best, tools[-number]


def score(tool: Tool, said: Sequence[str]) -> float:
    """How much of the tool's name was said, and how much of what was said the tool speaks of."""
    if not said:
        return 0.0
    name = naming_words(tool)
    about = name | _about(tool)
    named = sum(_heard(word, said) for word in name) / len(name)
    covered = sum(_heard(word, about) for word in said) / len(said)
    chosen = any(_heard(word, said) for word in _choice_words(tool))
    return min(1.0, 0.6 * named + 0.4 * covered + 0.1 * chosen) if named or covered >= 0.5 else 0.0


def naming_words(tool: Tool) -> set[str]:
    """The words of the tool's name that say what it is about; all of them if there are no such."""
    words = set(split_name(tool.function.name))
    return (words - WEAK - STOPWORDS) or words or {tool.function.name}


def _about(tool: Tool) -> set[str]:
    described = re.findall(r"[a-z0-9]+", (tool.function.description or "").lower())[:MAX_WORDS]
    return set(described) - STOPWORDS - WEAK | _choice_words(tool) | set(split_name(tool.function.name))


def _choice_words(tool: Tool) -> set[str]:
    return {
        word
        for wanted in _all_fields(fields_of(tool.function.schema_))
        for choice in wanted.choices
        for word in split_name(str(choice))
    }


def _all_fields(fields: Sequence[Field]) -> list[Field]:
    return [
        inner
        for one in fields
        for inner in (one, *_all_fields(one.inner), *([one.items] if one.items else []))
    ]


def _heard(word: str, others: Sequence[str] | set[str]) -> bool:
    """Whether `word` is among `others`, plural, misheard or by another name."""
    if word in others:
        return True
    if any(SYNONYMS.get(word, word) == SYNONYMS.get(other, other) for other in others):
        return True
    return len(word) > 3 and any(
        len(other) > 3 and fuzz.ratio(word, other) >= MIN_SIMILARITY for other in others
    )
