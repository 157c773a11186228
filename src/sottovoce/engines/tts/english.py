"""Figures, dates, money and abbreviations as an English speaker says them.

Plain numbers, decimals, "22nd" and "3 PM" stay as they are: every engine reads them well.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date

from num2words import num2words

from sottovoce.engines.tts import english_names as names
from sottovoce.engines.tts import english_units as units

MAX_PATH_SEGMENTS = 3
"""Of a web address; nobody follows more by ear."""

MAX_DENOMINATOR = 100
SPOKEN_RATIOS = {"24/7": "twenty-four seven", "9/11": "nine eleven", "50/50": "fifty-fifty"}
_MONTH = f"(?:{'|'.join(calendar.month_name[1:])})"
_MONTH_AND_DAY = rf"{_MONTH}(?: \d{{1,2}}(?:st|nd|rd|th)?)?"


def expand(text: str, *, is_day_first: bool = False) -> str:
    """Spell `text` out. `is_day_first` tells how to read 3/4/2026 where both readings are dates."""
    text = names.months_and_days(units.vulgar_fractions(text))
    text = _SLASH_DATE.sub(lambda found: _slash_date(found, is_day_first=is_day_first), text)
    for pattern, say in _RULES:
        text = pattern.sub(say, text)
    return names.expand(units.expand(text))


def words(number: int | str, to: str = "cardinal") -> str:
    """A number in words: 342 is "three hundred and forty-two", as ordinal or as a year where asked."""
    return str(num2words(number, lang="en", to=to)).replace(",", "")


def _url(found: re.Match[str]) -> str:
    """Host and path only: nobody wants to hear a query."""
    address = found[0].rstrip(".,;:!?)'\"")
    place = re.split(r"[?#]", address.partition("://")[2] or address)[0]
    host, *segments = [part for part in place.split("/") if part] or [address]
    shown = [host.rpartition("@")[2].removeprefix("www."), *segments[:MAX_PATH_SEGMENTS]]
    return " slash ".join(map(_dotted, shown)) + found[0][len(address) :]


def _dotted(name: str) -> str:
    return re.sub(r"[-_%+~:]+", " ", name).replace(".", " dot ")


def _email(found: re.Match[str]) -> str:
    return f"{_dotted(found[1])} at {_dotted(found[2])}"


def _iso_date(found: re.Match[str]) -> str:
    return _date(int(found[1]), int(found[2]), int(found[3])) or found[0]


def _slash_date(found: re.Match[str], *, is_day_first: bool) -> str:
    first, second, year = int(found[1]), int(found[2]), int(found[3])
    year += 2000 if len(found[3]) == 2 else 0
    month, day = (second, first) if is_day_first else (first, second)
    return _date(year, month, day) or _date(year, day, month) or found[0]


def _date(year: int, month: int, day: int) -> str:
    try:
        date(year, month, day)
    except ValueError:
        return ""
    return f"{calendar.month_name[month]} {words(day, 'ordinal')}, {_year_words(year)}"


def _year_words(year: int) -> str:
    if 2000 <= year < 2010:
        return words(year)
    return words(year, "year").replace("oh-", "oh ")


def _year(found: re.Match[str]) -> str:
    return found[1] + _year_words(int(found[2]))


def _day(found: re.Match[str]) -> str:
    return f"{found[1]} {words(found[2], 'ordinal')}"


def _day_of(found: re.Match[str]) -> str:
    return f"the {words(found[2], 'ordinal')} of {found[3]}"


def _years(found: re.Match[str]) -> str:
    return f"{_year_words(int(found[1]))} to {_year_words(int(found[2]))}"


def _decade(found: re.Match[str]) -> str:
    said = _year_words(int(found[1]))
    return said[:-1] + "ies" if said.endswith("y") else said + "s"


def _telephone(found: re.Match[str]) -> str:
    groups = [" ".join(map(words, group)) for group in re.findall(r"\d+", found[0])]
    return ("plus " if found[0].startswith("+") else "") + ", ".join(groups)


def _time(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if hour == minute == 0 and not found[3]:
        return "midnight"
    said = words(hour)
    if minute:
        said += f" oh {words(minute)}" if minute < 10 else f" {words(minute)}"
    elif not found[4]:
        said += " o'clock" if 1 <= hour <= 12 else " hundred"
    if found[3]:
        said += f" and {words(int(found[3]))} seconds"
    return said + (f" {found[4].strip()[0].upper()}M" if found[4] else "")


def _fraction(found: re.Match[str]) -> str:
    whole, above, below = found[1], int(found[2]), int(found[3])
    if f"{above}/{below}" in SPOKEN_RATIOS and not whole:
        return SPOKEN_RATIOS[f"{above}/{below}"]
    if not 0 < above < below or not 2 <= below <= MAX_DENOMINATOR:
        return found[0].replace("/", " over ")
    part = {2: "half", 4: "quarter"}.get(below) or words(below, "ordinal")
    said = f"{words(above)} {part}{'s' if above > 1 else ''}"
    return f"{words(whole.strip())} and {said}" if whole else said


def _range(found: re.Match[str]) -> str:
    return f"{found[1]} {'to' if int(found[1]) < int(found[2]) else 'minus'} {found[2]}"


def _choice(found: re.Match[str]) -> str:
    first, second = found[1], found[2]
    is_words = first.islower() and second.islower() and min(len(first), len(second)) > 1
    return f"{first} {'or ' if is_words and (first, second) != ('and', 'or') else ''}{second}"


_SLASH_DATE = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?![\d/])")
_DIGITS = r"(?<![\w.,/:-])"  # nothing that would make the figures part of something longer

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
_RULES: tuple[_Rule, ...] = (
    (re.compile(r"\b(?:https?://|www\.)[^\s<>\"]+", re.IGNORECASE), _url),
    (re.compile(r"\b([\w.+-]{1,64})@((?:[\w-]{1,63}\.){1,8}[a-zA-Z]{2,24})\b"), _email),
    (re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?\b"), r"\1 at \2"),
    (re.compile(r"(?<![\d-])(\d{4})-(\d\d)-(\d\d)(?![\d-])"), _iso_date),
    (re.compile(r"(?<![\w.,-])\d{1,6}(?:-\d{1,6}){3,6}(?![\w-])"), _telephone),
    (re.compile(r"(?<=:\d\d)( ?[ap]\.?m\b\.?)? ?[-–] ?(?=\d)", re.IGNORECASE), r"\1 to "),
    (re.compile(r"(?<=\d)( ?[ap]\.?m\b\.?) ?[-–] ?(?=\d)", re.IGNORECASE), r"\1 to "),
    (re.compile(r"(?<![\w.,-])(1[89]\d\d|20\d\d) ?[-–] ?(1[89]\d\d|20\d\d)(?![\w-]|[.,]\d)"), _years),
    (re.compile(r"(\()((?:1[89]|20)\d\d)(?=\))"), _year),
    (re.compile(r"\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,6}(?!\d)"), _telephone),
    (re.compile(rf"{_DIGITS}(?:\(\d{{3}}\) ?|\d{{3}}[-. ])?\d{{3}}[-.]\d{{4}}(?![\w-])"), _telephone),
    (re.compile(rf"{_DIGITS}\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w.]\d)"), lambda found: _dotted(found[0])),
    (
        re.compile(
            r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])( ?[ap]\.m\.| ?[ap]m\b)?",
            re.IGNORECASE,
        ),
        _time,
    ),
    (re.compile(r"(?<![\d/.])(\d{1,3} )?(\d{1,3})[/⁄](\d{1,3})(?![\d/])"), _fraction),
    (re.compile(r"(?<![\w$€£.,-])(1[1-9]\d0|20\d0)'?s\b"), _decade),
    (re.compile(r"(?<![\w])'([2-9]0)s\b"), lambda found: words(found[1])[:-1] + "ies"),
    (
        re.compile(
            r"\b((?:in|since|of|year|year (?:is|was)|until|before|after|during|by|late|early|"
            rf"{_MONTH_AND_DAY},?|\d{{1,2}} {_MONTH_AND_DAY}) |the (?=19|20[12]\d))"
            r"(1[1-9]\d\d|20\d\d)(?![\w%.,]?\d|\w|%)",
            re.IGNORECASE,
        ),
        _year,
    ),
    (re.compile(rf"\b({_MONTH}) ([12]?\d|3[01])(?![\w:/%-]|[.,]\d)"), _day),
    (re.compile(rf"(\bthe )?(?<![\w.,:/-])([12]?\d|3[01]) ({_MONTH})\b"), _day_of),
    (re.compile(r"(?<![\w.,-])(\d{1,9}) ?[-–—] ?(\d{1,9})(?![\w,-]|\.\d)"), _range),
    (re.compile(r"#(?=\d)"), "number "),
    (re.compile(r"#(?=[A-Za-z])"), "hashtag "),
    (re.compile(r"(?<!\S)w/o\b"), "without"),
    (re.compile(r"\bn/a\b", re.IGNORECASE), "not applicable"),
    (re.compile(r"(?<![\w/°])([A-Za-z]{2,20})/([A-Za-z]{2,20})(?![\w/])"), _choice),
)
