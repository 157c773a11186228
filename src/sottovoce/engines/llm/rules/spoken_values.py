"""Single values found in what a user said: numbers, choices, yes and no, phrases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from rapidfuzz import fuzz

from sottovoce.engines.llm.rules.grammar_timers import CLOCK, DAY, PART_OF_DAY, SPANS, WHEN
from sottovoce.engines.llm.rules.schema import Field, split_name
from sottovoce.skills.dates import MONTH, SPAN, find_day
from sottovoce.skills.durations import find_duration, spoken_numbers

MIN_SIMILARITY = 82.0
"""Percent a said word must share with a choice."""

YES = frozenset("yes on true enable enabled with please sure activate yeah allow".split(" "))
NO = frozenset("no off false disable disabled not without never don't deactivate dont do-not".split(" "))
PLACES = frozenset(
    "location city place country where destination address region town zone timezone area origin".split(" ")
)
MOMENTS = frozenset("date time when day deadline start end due datetime until moment at".split(" "))
PEOPLE = frozenset("recipient contact person who attendee caller receiver user".split(" "))
NAMES = frozenset("name label called title".split(" "))
CODES = frozenset("id ids code number sku reference ticket serial tracking".split(" "))
QUOTED = frozenset("body message text content note".split(" "))
DURATION_UNITS = {
    "seconds": 1,
    "second": 1,
    "secs": 1,
    "minutes": 60,
    "minute": 60,
    "mins": 60,
    "hours": 3600,
}

EDGE = (
    r"(?= (?:in|at|for|to|from|on|with|by|about|and|is|tomorrow|today|tonight|next|this|please"
    r"|now|right|then|saying|that says|called|please)\b|$)"
)
DATES = re.compile(
    rf"\b(?:{WHEN}|(?:next |this |last |on )?{DAY}|(?:{MONTH}) \w+|the \w+(?: \w+)? of (?:{MONTH})"
    rf"|next (?:week|month|year)|"
    rf"in {SPAN}|{CLOCK}{PART_OF_DAY}|{SPANS})\b"
)

EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]*\w")
CODE = re.compile(r"\b(?=[\w-]*\d)[\w-]+\b")
SAYING = re.compile(r"\b(?:saying|that says|says|with the (?:words|text|message))(?: that)? (.+)$")


def number_for(wanted: Field, words: str, used: set[int]) -> float | None:
    """The number meant for `wanted`: a span of time in its unit, else the unused one nearest to its name."""
    unit = _time_unit(wanted)
    span = find_duration(words) if unit else None
    if unit and span:
        return span[0] / unit
    found = [match for match in re.finditer(r"-?\d+(?:\.\d+)?", words) if match.start() not in used]
    if not found:
        return None
    anchors = [match.start() for word in wanted.words for match in re.finditer(rf"\b{word}", words)]
    nearest = min(
        found, key=lambda match: min((abs(match.start() - anchor) for anchor in anchors), default=0)
    )
    used.add(nearest.start())
    return float(nearest.group())


def _time_unit(wanted: Field) -> int:
    """Seconds in the unit that the field's name or description asks for, 0 where it is no time."""
    named = next((DURATION_UNITS[word] for word in wanted.words if word in DURATION_UNITS), 0)
    if named or not {"duration", "length", "delay", "timeout"} & set(wanted.words):
        return named
    described = re.findall(r"[a-z]+", wanted.description.lower())
    return next((DURATION_UNITS[word] for word in described if word in DURATION_UNITS), 1)


def choices_for(wanted: Field, words: str) -> list[Any]:
    """The choices of an enum that were said, in the order they were said."""
    tokens = words.split()
    scored = [(_similarity(choice, tokens), choice) for choice in wanted.choices]
    found = [(position, score, choice) for (score, position), choice in scored if score >= MIN_SIMILARITY]
    best = [item for item in found if not any(_covers(other, item) for other in found if other is not item)]
    return [choice for _, _, choice in sorted(best, key=lambda item: (item[0], -item[1]))]


def _covers(other: tuple[int, float, Any], item: tuple[int, float, Any]) -> bool:
    """Whether `other` was said at the same place with more certainty, or is the longer of two equals."""
    is_better = (other[1], len(str(other[2]))) > (item[1], len(str(item[2])))
    return other[0] == item[0] and is_better


def _similarity(choice: Any, tokens: Sequence[str]) -> tuple[float, int]:
    """How well the tokens hold `choice`, and where."""
    wanted = " ".join(split_name(str(choice))) or str(choice).lower()
    size = len(wanted.split())
    windows = [" ".join(tokens[start : start + size]) for start in range(max(1, len(tokens) - size + 1))]
    scores = [100.0 if window == wanted else _ratio(window, wanted) for window in windows]
    best = max(scores, default=0.0)
    return best, scores.index(best) if scores else 0


def _ratio(said: str, wanted: str) -> float:
    """Very short words must fit exactly: "on" is not "in"."""
    return fuzz.ratio(said, wanted) if len(wanted) > 3 else 0.0


def truth_for(wanted: Field, words: str) -> bool | None:
    tokens = set(words.split())
    if tokens & NO:
        return False
    if tokens & YES or tokens & {word for word in wanted.words if len(word) > 2}:
        return True
    return None


def phrase_for(wanted: Field, words: str) -> str | None:
    """The words that a string asks for by its name: a place, a day, a person; None where none stand out."""
    names = set(wanted.words)
    if wanted.format in ("date", "date-time", "time") or names & MOMENTS:
        found = DATES.search(words)
        return found.group() if found else None
    address = EMAIL.search(words)
    if names & {"email"} or wanted.format == "email":
        return address.group() if address else None
    if address and names & (PEOPLE | {"to"}):
        return address.group()
    if names & CODES and (code := CODE.search(words)):
        return code.group()
    if names & QUOTED and (quoted := SAYING.search(words)):
        return quoted.group(1)
    return _after(names, words)


def _after(names: set[str], words: str) -> str | None:
    prepositions = ""
    if names & {"origin", "from", "source", "departure"}:
        prepositions = "from"
    elif names & {"destination", "to", "target", "arrival"}:
        prepositions = "to"
    elif names & PLACES:
        prepositions = "in|at|near|of|for|from|to"
    elif names & PEOPLE:
        prepositions = "to|with|for|call|tell|ask|message|text|email"
    elif names & NAMES:
        prepositions = "called|named|titled|name is|label|for"
    found = (
        re.search(rf"\b(?:{prepositions}) (?:the |a |an |my )?(.+?){EDGE}", words) if prepositions else None
    )
    return found.group(1) if found else None


def iso_day(words: str, today: date) -> str | None:
    day = find_day(words, today)
    return day.date.isoformat() if day else None


def digits(text: str) -> str:
    """`text` in lower case with digits for numbers, as the readers above take it."""
    return " ".join(spoken_numbers(text.lower()).split())
