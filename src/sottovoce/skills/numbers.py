"""Numbers between words and digits, and numbers said aloud."""

from __future__ import annotations

import re
from decimal import Decimal

from text_to_num import alpha2digit

ONES: tuple[str, ...] = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
)
ONES += ("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
MAX_IN_WORDS = 10**12
"""Larger numbers stay digits: nobody follows them by ear."""

DECIMALS = 4
"""Digits after the point that are said at most."""


SEVERAL = re.compile(r"\b(?:add|sum of) (?!.*\bto\b)")
"""Where "and" stands between numbers rather than inside one: "add thirty and seven"."""
POINT = re.compile(r"\b(\d+) point (\d+)\b")


MAX_EXACT_DIGITS = 20


def to_digits(text: str) -> str:
    """`text` with its spelled numbers as digits: "three point five" becomes "3.5", "first" "1st"."""
    parts = text.split(" and ") if SEVERAL.search(text) else [text]
    digits = " and ".join(str(alpha2digit(part, "en", threshold=0.0)) for part in parts)
    return POINT.sub(r"\1.\2", digits)


def in_words(number: int) -> str:
    """A whole number in words: 342 is "three hundred forty two". Raises ValueError past `MAX_IN_WORDS`."""
    if abs(number) >= MAX_IN_WORDS:
        raise ValueError(f"{number} is too large to say in words")
    if number < 0:
        return f"minus {in_words(-number)}"
    if number < 20:
        return ONES[number]
    for size, name in SCALES:
        if number >= size:
            return _join(f"{in_words(number // size)} {name}", number % size)
    return _join(TENS[number // 10], number % 10)


def _join(head: str, rest: int) -> str:
    return f"{head} {in_words(rest)}" if rest else head


def say_number(value: Decimal | float) -> str:
    """A number for the ear: at most `DECIMALS` decimals, no trailing zeros, no exponent, no "-0"."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    rounded = _round(exact)
    text = f"{rounded:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "minus ") if text != "-0" else "0"


def _round(value: Decimal) -> Decimal:
    """Round to `DECIMALS`, or for numbers under one to as many significant digits."""
    if value == 0:
        return Decimal(0)
    if value.adjusted() > MAX_EXACT_DIGITS:
        return value  # past the decimal context's precision there are no decimals to round
    places = DECIMALS if abs(value) >= 1 else DECIMALS - 1 - value.adjusted()
    return round(value, min(places, 12))


def ordinal(number: int) -> str:
    """1 is "1st", 12 "12th", 23 "23rd"."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number % 10, 'th')}"
