"""Days as people name them: "next friday", "in three weeks", "the 24th of december", "christmas"."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeAlias

from dateutil.easter import easter
from dateutil.relativedelta import TH, relativedelta

from sottovoce.skills.durations import plural
from sottovoce.skills.numbers import ordinal, to_digits

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS: tuple[str, ...] = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
)
MONTHS += ("october", "november", "december")
MAX_YEARS = 1000
"""A date further off than this is a slip of the tongue, and the calendar's own end is at 9999."""

NEAR: Mapping[str, int] = {
    "the day after tomorrow": 2,
    "day after tomorrow": 2,
    "the day before yesterday": -2,
    "day before yesterday": -2,
    "tomorrow": 1,
    "yesterday": -1,
    "today": 0,
    "tonight": 0,
    "now": 0,
}
HOLIDAYS: Mapping[str, Callable[[int], date]] = {
    "christmas eve": lambda year: date(year, 12, 24),
    "christmas": lambda year: date(year, 12, 25),
    "boxing day": lambda year: date(year, 12, 26),
    "new year's eve": lambda year: date(year, 12, 31),
    "new years eve": lambda year: date(year, 12, 31),
    "new year": lambda year: date(year, 1, 1),
    "valentine's day": lambda year: date(year, 2, 14),
    "valentines day": lambda year: date(year, 2, 14),
    "saint patrick's day": lambda year: date(year, 3, 17),
    "good friday": lambda year: easter(year) - timedelta(days=2),
    "easter monday": lambda year: easter(year) + timedelta(days=1),
    "easter": easter,
    "independence day": lambda year: date(year, 7, 4),
    "halloween": lambda year: date(year, 10, 31),
    "thanksgiving": lambda year: date(year, 11, 1) + relativedelta(weekday=TH(4)),
}

Form: TypeAlias = Literal["calendar", "holiday", "near", "span", "weekday"]

WEEKDAY = "|".join(WEEKDAYS)
MONTH = "|".join(MONTHS)
SPAN = r"(a|an|one|\d+) (day|week|fortnight|month|year)s?"
AHEAD = re.compile(rf"\bin {SPAN}(?: time)?\b|\b{SPAN} (?:from now|from today|ahead|hence)\b")
AGO = re.compile(rf"\b{SPAN} ago\b")
NEXT_SPAN = re.compile(r"\b(next|last) (week|month|year)\b")
NAMED_DAY = re.compile(rf"\b(?:(next|this|last|on|coming) )?({WEEKDAY})\b")
DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: day)?(?: of)? ({MONTH})(?:[ ,]+(\d{{4}}))?\b")
MONTH_DAY = re.compile(rf"\b({MONTH})(?: the)? (\d{{1,2}})(?:st|nd|rd|th)?(?:[ ,]+(\d{{4}}))?\b")
ISO = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day, the words that named it, and the way they did."""

    date: datetime.date
    label: str
    form: Form

    def sentence(self, today: datetime.date, said: str) -> str:
        """The label as the subject of a sentence about `said`: "Tomorrow is …", "In 3 weeks it will be …"."""
        label = self.label[:1].upper() + self.label[1:]
        if self.form == "span":
            return f"{label} it {'will be' if self.date > today else 'was'} {said}."
        return f"{label} {'was' if self.date < today else 'is'} {said}."


def find_day(text: str, today: date) -> Day | None:
    """The day that `text` names, seen from `today`; None where it names none."""
    words = " ".join(to_digits(text.lower()).split())
    for reader in (_iso, _calendar, _holiday, _span, _near, _weekday):
        try:
            day = reader(words, today)
        except (ValueError, OverflowError):
            # the 31st of june, or a year past the calendar's end
            continue
        if day is not None:
            return day
    return None


def _iso(words: str, today: date) -> Day | None:
    found = ISO.search(words)
    return _dated(date(*(int(part) for part in found.groups()))) if found else None


def _dated(day: date) -> Day:
    return Day(day, f"the {ordinal(day.day)} of {day:%B} {day.year}", "calendar")


def _calendar(words: str, today: date) -> Day | None:
    if found := DAY_MONTH.search(words):
        number, month, year = found.groups()
    elif found := MONTH_DAY.search(words):
        month, number, year = found.groups()
    else:
        return None
    return _dated(_next(lambda in_year: date(in_year, MONTHS.index(month) + 1, int(number)), year, today))


def _next(on: Callable[[int], date], year: str | None, today: date) -> date:
    """`on` in the given year, else its next occurrence (29 February may be some years off)."""
    if year:
        return on(int(year))
    for candidate in range(today.year, today.year + 9):
        try:
            day = on(candidate)
        except ValueError:
            continue
        if day >= today:
            return day
    raise ValueError("no such day")


def _holiday(words: str, today: date) -> Day | None:
    name = next((name for name in HOLIDAYS if re.search(rf"\b{name}\b", words)), None)
    if name is None:
        return None
    year = re.search(r"\b(\d{4})\b", words)
    day = _next(HOLIDAYS[name], year.group() if year else None, today)
    return Day(day, " ".join(word.capitalize() for word in name.split()), "holiday")


def _near(words: str, today: date) -> Day | None:
    name = next((name for name in NEAR if re.search(rf"\b{name}\b", words)), None)
    return (
        Day(today + timedelta(days=NEAR[name]), "the " * name.startswith("day") + name, "near")
        if name
        else None
    )


def _span(words: str, today: date) -> Day | None:
    if found := NEXT_SPAN.search(words):
        sign = 1 if found.group(1) == "next" else -1
        return Day(today + _delta(sign, found.group(2)), found.group(), "span")
    ahead, ago = AHEAD.search(words), AGO.search(words)
    found = ahead or ago
    if found is None:
        return None
    amount, unit = [part for part in found.groups() if part]
    number = int(amount) if amount.isdigit() else 1
    said = plural(number, unit)
    label = f"in {said}" if ahead else f"{said} ago"
    return Day(today + _delta(number if ahead else -number, unit), label, "span")


def _delta(number: int, unit: str) -> relativedelta:
    days = {"day": 1, "week": 7, "fortnight": 14}
    if unit in days:
        number_of_days = number * days[unit]
        if abs(number_of_days) > MAX_YEARS * 366:
            raise OverflowError
        return relativedelta(days=number_of_days)
    if abs(number) > MAX_YEARS * 12:
        raise OverflowError
    return relativedelta(months=number) if unit == "month" else relativedelta(years=number)


def _weekday(words: str, today: date) -> Day | None:
    """ "Friday" and "this friday" are the nearest to come; "next friday" is never today."""
    found = NAMED_DAY.search(words)
    if found is None:
        return None
    which, name = found.groups()
    ahead = (WEEKDAYS.index(name) - today.weekday()) % 7
    if which == "last":
        return Day(today - timedelta(days=7 - ahead), f"last {name.capitalize()}", "weekday")
    label = f"{which} {name.capitalize()}" if which in ("next", "this") else name.capitalize()
    return Day(today + timedelta(days=ahead or 7), label, "weekday")
