"""The time and the calendar, said aloud. Every function takes the present moment; none reads a clock."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from tzlocal import get_localzone

from sottovoce.skills.dates import Day
from sottovoce.skills.durations import plural
from sottovoce.skills.numbers import ordinal
from sottovoce.skills.places import Place


def local_zone() -> tzinfo:
    """The zone this machine is set to (`TZ`, else the system's own setting)."""
    return get_localzone()


def say_clock(moment: datetime) -> str:
    """ "3:05 PM", "noon", "midnight"."""
    if moment.minute == 0 and moment.hour in (0, 12):
        return "noon" if moment.hour else "midnight"
    return f"{moment.hour % 12 or 12}:{moment.minute:02d} {'PM' if moment.hour >= 12 else 'AM'}"


def say_date(day: date) -> str:
    """ "Friday, the 27th of November 2026"."""
    return f"{day:%A}, the {ordinal(day.day)} of {day:%B} {day.year}"


def time_sentence(now: datetime, place: Place | None = None) -> str:
    """The time here, or at `place` with the day where that differs from here."""
    if place is None:
        return f"It is {say_clock(now)}."
    there = now.astimezone(place.zone)
    difference = (there.date() - now.date()).days
    day = {0: "", 1: " tomorrow", -1: " yesterday"}[difference]
    return f"In {place.name} it is {say_clock(there)}{day}."


def date_sentence(now: datetime, day: Day) -> str:
    """ "Next Friday is the 27th of November 2026.", "Christmas is on Friday, the 25th of December 2026." """
    short = f"the {ordinal(day.date.day)} of {day.date:%B} {day.date.year}"
    said = {
        "calendar": f"a {day.date:%A}",
        "holiday": f"on {say_date(day.date)}",
        "weekday": short,
    }.get(day.form, say_date(day.date))
    return day.sentence(now.date(), said)


def detail_sentence(now: datetime, day: Day, detail: str) -> str:
    """Only the `detail` "weekday", "month", "year" or "week" of `day`; anything else is the whole date."""
    said = {
        "weekday": f"{day.date:%A}",
        "month": f"{day.date:%B} {day.date.year}",
        "year": str(day.date.year),
        "week": f"in week {day.date.isocalendar().week}",
    }.get(detail)
    return day.sentence(now.date(), said) if said else date_sentence(now, day)


def countdown_sentence(now: datetime, day: Day, unit: str = "days") -> str:
    """How far away `day` is, in days or in weeks and days."""
    days = (day.date - now.date()).days
    if days == 0:
        return f"That is today, {say_date(day.date)}."
    span = _span(abs(days), unit)
    subject = "It" if day.form == "span" else day.label[:1].upper() + day.label[1:]
    on = "" if day.form == "calendar" else f", on {say_date(day.date)}"
    return f"{subject} was {span} ago{on}." if days < 0 else f"{subject} is in {span}{on}."


def _span(days: int, unit: str) -> str:
    weeks, rest = divmod(days, 7)
    if unit != "weeks" or not weeks:
        return plural(days, "day")
    return plural(weeks, "week") + (f" and {plural(rest, 'day')}" if rest else "")
