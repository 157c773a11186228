"""A tool's arguments filled from the user's words by the tool's JSON schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sottovoce.engines.llm.rules.fitting import FORMATS, bounded, in_format, within
from sottovoce.engines.llm.rules.schema import Field, fields_of, split_name
from sottovoce.engines.llm.rules.spoken_values import (
    PLACES,
    choices_for,
    digits,
    number_for,
    phrase_for,
    truth_for,
)

MAX_ITEMS = 32
LEAD_WORDS = re.compile(
    r"^(?:(?:please|can|could|would|will|you|i|want|need|to|the|a|an|me|my|hey|ok|okay|what|is"
    r"|are|tell|show|do)\s+)+"
)
REMAINDER = re.compile(
    r"\b(?:about|saying|that says|that|named|called|for|to|with|in|of|is)\s+(?:the |a |an )?(.+)$"
)
COMMANDS = frozenset("turn switch set put make get look up the a an my".split(" "))
"""Words around what is wanted, where no preposition leads to it."""


@dataclass(frozen=True, slots=True)
class Filled:
    """`missing` are the required fields that nothing was said for."""

    arguments: dict[str, Any]
    missing: tuple[Field, ...] = ()


def fill(parameters: Mapping[str, Any], text: str, today: date, known: Iterable[str] = ()) -> Filled:
    """Fill the fields of `parameters` from `text`; `known` are words that name the tool, no argument.

    Required fields that nothing was said for get the least valid value, and are named in `missing`.
    """
    return _Filler(text, today, frozenset(known)).fill(fields_of(parameters))


class _Filler:
    def __init__(self, text: str, today: date, known: frozenset[str]) -> None:
        self.text = " ".join(text.split()).strip(" .!?")
        self.words = re.sub(r"[,.!?](?=\s|$)", "", digits(self.text))
        self.today = today
        self.known = known
        self.used: set[int] = set()
        self.chosen: set[str] = set()

    def fill(self, fields: Sequence[Field]) -> Filled:
        arguments: dict[str, Any] = {}
        missing: list[Field] = []
        # numbers, choices and booleans first: what is left over is for the strings
        for wanted in sorted(fields, key=lambda one: one.kind == "string" and not one.choices):
            value = self.value(wanted)
            if value is None and wanted.is_required and not (wanted.is_nullable or wanted.has_default):
                missing.append(wanted)
            if value is not None:
                arguments[wanted.name] = value
            elif wanted.is_required:
                arguments[wanted.name] = self.least(wanted)
        ordered = {one.name: arguments[one.name] for one in fields if one.name in arguments}
        return Filled(ordered, tuple(missing))

    def value(self, wanted: Field) -> Any:
        """What was said for `wanted`, None for nothing."""
        if wanted.choices:
            return self.choice(wanted)
        readers = {
            "integer": self.number,
            "number": self.number,
            "boolean": lambda one: truth_for(one, self.words),
            "array": self.several,
            "object": self.nested,
            "null": lambda _: None,
        }
        return readers.get(wanted.kind, self.string)(wanted)

    def choice(self, wanted: Field) -> Any:
        if all(
            isinstance(choice, (int, float)) and not isinstance(choice, bool) for choice in wanted.choices
        ):
            number = number_for(wanted, self.words, self.used)
            return next((choice for choice in wanted.choices if choice == number), None)
        found = choices_for(wanted, self.words)
        if found:
            self.chosen.update(split_name(str(found[0])))
            return found[0]
        return wanted.choices[0] if len(wanted.choices) == 1 else None

    def number(self, wanted: Field) -> float | int | None:
        number = number_for(wanted, self.words, self.used)
        return None if number is None else within(number, wanted)

    def several(self, wanted: Field) -> list[Any] | None:
        item = wanted.items
        if item is None:
            return None
        if item.choices:
            found: list[Any] = choices_for(item, self.words)
        elif item.kind in ("integer", "number"):
            found = self.numbers(item)
        elif item.kind == "string":
            phrase = self.string(replace(item, is_required=wanted.is_required))
            found = re.split(r"\s*,\s*(?:and )?|\s+and\s+", phrase) if phrase else []
        else:
            nested = self.value(item)
            found = [nested] if nested is not None else []
        most = wanted.rules.get("maxItems")
        kept = found[: min(MAX_ITEMS, most if isinstance(most, int) else MAX_ITEMS)]
        return kept + self.least_items(wanted)[len(kept) :] if kept else None

    def numbers(self, item: Field) -> list[float | int]:
        found: list[float | int] = []
        while len(found) < MAX_ITEMS and (number := number_for(item, self.words, self.used)) is not None:
            found.append(within(number, item))
        return found

    def nested(self, wanted: Field) -> dict[str, Any] | None:
        inner = self.fill(wanted.inner)
        return inner.arguments if inner.arguments and not inner.missing else None

    def string(self, wanted: Field) -> str | None:
        found = phrase_for(wanted, self.words)
        if wanted.format in FORMATS and wanted.format != "email":
            return in_format(wanted.format, found, self.today)
        if found is None and wanted.is_required:
            found = self.remainder()
        if not found:
            return None
        said = self.original(found)
        return bounded(self.proper(said) if PLACES & set(wanted.words) else said, wanted)

    def original(self, phrase: str) -> str:
        """`phrase` with the capitals it was written with."""
        position = self.text.lower().find(phrase.lower())
        return self.text[position : position + len(phrase)] if position >= 0 else phrase

    def proper(self, name: str) -> str:
        """The name of a place with capitals, where a recogniser wrote the whole text without any."""
        return " ".join(word.capitalize() for word in name.split()) if self.text.islower() else name

    def remainder(self) -> str | None:
        """What is said beyond the naming of the tool."""
        request = LEAD_WORDS.sub("", self.text.lower())
        found = REMAINDER.search(request)
        if found and not set(found.group(1).split()) <= self.known:
            return found.group(1)
        passed = self.known | COMMANDS | self.chosen
        rest = [word for word in request.split() if word.strip(",.!?") not in passed]
        return " ".join(rest) or None

    def least(self, wanted: Field) -> Any:
        """A valid value for a required field that nothing was said for."""
        if wanted.has_default:
            return wanted.default
        if wanted.is_nullable:
            return None
        if wanted.choices:
            return wanted.choices[0]
        if wanted.kind == "object":
            return self.fill(wanted.inner).arguments
        if wanted.kind == "array":
            return self.least_items(wanted)
        if wanted.kind in ("integer", "number"):
            return within(0, wanted)
        if wanted.format in FORMATS:
            return FORMATS[wanted.format](self.today)
        return {"boolean": False, "null": None}.get(wanted.kind, bounded(self.text, wanted))

    def least_items(self, wanted: Field) -> list[Any]:
        fewest = wanted.rules.get("minItems")
        size = min(fewest, MAX_ITEMS) if isinstance(fewest, int) else 0
        return [self.least(wanted.items) for _ in range(size)] if wanted.items else []
