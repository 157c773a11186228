"""Spans of time between words and seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sottovoce.skills.numbers import say_number, to_digits

SECONDS: Mapping[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
SHORT: Mapping[str, str] = {
    "s": "second",
    "sec": "second",
    "m": "minute",
    "min": "minute",
    "h": "hour",
    "hr": "hour",
}

UNIT = r"(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|[smh])\b"
AMOUNT = r"(\d+(?:\.\d+)?|an?\b|half an?|a quarter of an|(?:a )?couple(?: of)?|a few)"
PART = re.compile(rf"\b{AMOUNT}(?: and (a half|a quarter))?[ -]?{UNIT}(?: and (a half|a quarter)\b)?")
WORDS: Mapping[str, float] = {"half": 0.5, "quarter": 0.25, "couple": 2, "few": 3}


def spoken_numbers(text: str) -> str:
    """`to_digits`, but "a second" stays a unit of time and half an hour stays as it is."""
    kept = re.sub(r"\b(a|one|per|\d+) second\b(?! of)", r"\1 sec", text)
    return to_digits(kept)


def find_duration(text: str) -> tuple[float, str] | None:
    """Seconds and the text that is left over, for the spans named in `text`; None where there is none."""
    digits = spoken_numbers(text.lower())
    parts = list(PART.finditer(digits))
    if not parts:
        return None
    rest = PART.sub(" ", digits)
    return sum(_seconds(part) for part in parts), " ".join(rest.split())


def parse_duration(text: str) -> float | None:
    """Seconds of "one hour and thirty minutes", "90 s", "half an hour"; None where there is no span."""
    found = find_duration(text)
    return found[0] if found else None


def _seconds(part: re.Match[str]) -> float:
    amount, before, unit, after = part.groups()
    number = float(amount) if amount[0].isdigit() else _word_amount(amount)
    for extra in (before, after):
        if extra:
            number += WORDS[extra.split()[-1]]
    short = unit.rstrip("s") or "s"
    return number * SECONDS[SHORT.get(short, short)]


def _word_amount(amount: str) -> float:
    return next((value for word, value in WORDS.items() if word in amount), 1.0)


def say_duration(seconds: float) -> str:
    """Whole units, the two largest that count: 5400 is "1 hour and 30 minutes"."""
    left = round(seconds)
    parts: list[str] = []
    for unit in ("day", "hour", "minute", "second"):
        number, left = divmod(left, SECONDS[unit])
        if number:
            parts.append(plural(number, unit))
    return " and ".join(parts[:2]) if parts else "0 seconds"


def plural(number: float, noun: str) -> str:
    """ "1 day", "2 days", "1.5 days"."""
    return f"{say_number(number)} {noun if number == 1 else noun + 's'}"
