"""Sums in words or symbols, read into tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from sottovoce.skills.numbers import to_digits

MAX_TOKENS = 60
"""Bounds the work of one sum and the length of its answer."""
MAX_DIGITS = 18
"""Of one number: more is never spoken."""

Kind: TypeAlias = Literal["number", "infix", "prefix", "postfix", "open", "close"]

PREFIX: Mapping[str, str] = {
    **dict.fromkeys(
        ("the square root of", "square root of", "square root", "the root of", "sqrt", "√"), "sqrt"
    ),
    **dict.fromkeys(("minus", "negative", "-"), "neg"),
    "half of": "half",
    "half": "half",
    "(": "(",
}
INFIX: Mapping[str, str] = {
    **dict.fromkeys(("plus", "added to", "and", "+"), "+"),
    **dict.fromkeys(("minus", "less", "take away", "-", "−"), "-"),
    **dict.fromkeys(("times", "time", "multiplied by", "multiplied with", "x", "×", "*"), "*"),
    **dict.fromkeys(("divided by", "divide by", "divided buy", "over", "/", "÷"), "/"),
    **dict.fromkeys(("to the power of", "to the power", "power", "**", "^"), "^"),
    **dict.fromkeys(("percent of", "per cent of", "% of"), "%of"),
    "of": "of",
    **dict.fromkeys(("modulo", "mod"), "mod"),
}
POSTFIX: Mapping[str, str] = {
    **dict.fromkeys(("percent", "per cent", "%"), "%"),
    **dict.fromkeys(("squared", "square", "²"), "^2"),
    **dict.fromkeys(("cubed", "³"), "^3"),
    ")": ")",
}
SOUNDS_LIKE: Mapping[str, int] = {
    "to": 2,
    "too": 2,
    "for": 4,
    "won": 1,
    "ate": 8,
    "tree": 3,
    "fore": 4,
    "a": 1,
}
"""What a recogniser writes for a number, where only a number can stand."""

PARTS: Mapping[str, int] = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
}
PARTS_OF = re.compile(
    r"(?P<number>an?|\d+)[ -]"
    r"(?P<part>halve|half|quarter|third|fifth|sixth|eighth|tenth|3rd|5th|6th|8th|10th)s?\b"
)
MIXED = re.compile(r"\b(?P<whole>\d+) and (?P<part>an? half|(?:a|1|3) quarters?)\b(?! of)")
MIXED_DIGITS = {"half": "5", "a": "25", "1": "25", "3": "75"}
NUMBER = re.compile(r"(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?![\d.])")
COMMANDS = (
    (re.compile(r"^(?:add|the sum of|sum of) (.+?) (?:and|to|2|plus) (.+)$"), r"\1 + \2"),
    (re.compile(r"^(?:subtract|take) (.+?) (?:from|away from) (.+)$"), r"\2 - \1"),
    (re.compile(r"^the (?:difference|difference between) (?:of )?(.+?) and (.+)$"), r"\1 - \2"),
    (re.compile(r"^(?:multiply|the product of) (.+?) (?:by|and|with|times) (.+)$"), r"\1 * \2"),
    (re.compile(r"^divide (.+?) (?:by|buy) (.+)$"), r"\1 / \2"),
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    value: Fraction = Fraction(0)


def tokenize(text: str) -> list[Token] | None:
    """The tokens of a sum in words or symbols; None where a word does not belong to one."""
    rest = _prepared(text)
    tokens: list[Token] = []
    while rest:
        is_operand = not tokens or tokens[-1].kind in ("infix", "prefix", "open")
        step = _operand(rest) if is_operand else _operator(rest)
        if step is None or len(tokens) >= MAX_TOKENS:
            return None
        token, length = step
        tokens.append(token)
        rest = rest[length:].lstrip()
    return tokens


def _prepared(text: str) -> str:
    """Digits for words, commands ("add … and …") as operators."""
    plain = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text.lower())
    spoken = " ".join(to_digits(plain).split())
    spoken = MIXED.sub(_decimal, re.sub(r"\ba (?=\d{3})", "", spoken))
    for pattern, form in COMMANDS:
        spoken = pattern.sub(form, spoken)
    return spoken


def _decimal(match: re.Match[str]) -> str:
    """ "2 and a half" as "2.5": one number, whatever stands around it."""
    count, part = match["part"].split()
    return f"{match['whole']}.{MIXED_DIGITS.get(part) or MIXED_DIGITS[count]}"


def _fraction(match: re.Match[str]) -> Token:
    """ "3 quarters" as the number 3/4."""
    above = int(match["number"]) if match["number"].isdigit() else 1
    part = match["part"]
    name = next(name for name, size in PARTS.items() if part in (name, f"{size}th", f"{size}rd"))
    text = f"{match['number']} {name}{'s' if above > 1 else ''}"
    return Token("number", text, Fraction(above, PARTS[name]))


def _operand(rest: str) -> tuple[Token, int] | None:
    if part := PARTS_OF.match(rest):
        return _fraction(part), part.end()
    if number := NUMBER.match(rest):
        digits = number.group().replace(",", "")
        if len(digits) > MAX_DIGITS:
            return None
        return Token("number", digits, Fraction(digits)), number.end()
    found = _longest(rest, PREFIX)
    if found:
        code, length = found
        return (Token("open", "("), length) if code == "(" else (Token("prefix", code), length)
    word = rest.split(" ", 1)[0].rstrip(")")
    if word in SOUNDS_LIKE:
        return Token("number", str(SOUNDS_LIKE[word]), Fraction(SOUNDS_LIKE[word])), len(word)
    return None


def _operator(rest: str) -> tuple[Token, int] | None:
    for kind, table in (("infix", INFIX), ("postfix", POSTFIX)):
        found = _longest(rest, table)
        if found:
            code, length = found
            return (Token("close", ")"), length) if code == ")" else (Token(_kind(kind), code), length)
    return None


def _kind(kind: str) -> Kind:
    return "infix" if kind == "infix" else "postfix"


def _longest(rest: str, table: Mapping[str, str]) -> tuple[str, int] | None:
    """The longest entry that `rest` begins with, as its code and length; words end at word ends."""
    for phrase in sorted(table, key=len, reverse=True):
        if rest.startswith(phrase) and not (phrase[-1].isalpha() and rest[len(phrase) :][:1].isalpha()):
            return table[phrase], len(phrase)
    return None
