"""Times of day as people name them, to the next moment they mean."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from sottovoce.skills.dates import find_day
from sottovoce.skills.durations import find_duration, spoken_numbers

HALVES = re.compile(
    r"\b(half|(?:a )?quarter|\d{1,2})(?: minutes?)? (past|after|to|before) (\d{1,2}|noon|midnight)\b"
)
CLOCK = re.compile(r"\b(?:at |for )?(\d{1,2})(?:[: ](\d{2}))?(?: ?o'? ?clock)?\b")
NAMED = {"noon": time(12), "midday": time(12), "midnight": time(0)}
MORNING = re.compile(r"\b(a\.? ?m\b|in the morning|this morning)")
EVENING = re.compile(r"\b(p\.? ?m\b|in the (afternoon|evening)|tonight|this (afternoon|evening)|at night)")
DAY_WORDS = re.compile(
    r"\b(?:on |the )?(?:(?:next|this|coming) )?(?:tomorrow|day after tomorrow|today|tonight|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"
)


def find_moment(text: str, now: datetime) -> datetime | None:
    """The next moment after `now` that `text` names: "in ten minutes", "tomorrow at half past seven".

    Without morning or evening said, the next of the two is meant. None where no time is named.
    """
    words = " ".join(spoken_numbers(text.lower()).split())
    span = find_duration(words)
    if span is not None:
        return now + timedelta(seconds=span[0])
    said = _clock(words)
    if said is None:
        return None
    return _next(said, words, now)


def _clock(words: str) -> tuple[int, int] | None:
    """Hour and minute as said."""
    if found := HALVES.search(words):
        return _halved(*found.groups())
    named = next((name for name in NAMED if re.search(rf"\b{name}\b", words)), None)
    if named:
        return NAMED[named].hour, 0
    found = CLOCK.search(words)
    if found is None or int(found.group(1)) > 23 or int(found.group(2) or 0) > 59:
        return None
    return int(found.group(1)), int(found.group(2) or 0)


def _halved(amount: str, side: str, hour: str) -> tuple[int, int] | None:
    minutes = 30 if amount == "half" else 15 if "quarter" in amount else int(amount)
    base = NAMED[hour].hour if hour in NAMED else int(hour)
    if minutes > 59 or base > 23:
        return None
    if side in ("past", "after"):
        return base, minutes
    return (base - 1) % 24, 60 - minutes


def _next(said: tuple[int, int], words: str, now: datetime) -> datetime:
    hour, minute = said
    day = find_day(words, now.date()) if DAY_WORDS.search(words) else None
    start = day.date if day else now.date()
    moments = [
        datetime.combine(start + timedelta(days=days), time(candidate, minute), now.tzinfo)
        for days in (0, 1)
        for candidate in _hours(hour, words, is_dated=day is not None)
    ]
    return next((moment for moment in moments if moment > now), moments[-1])


def _hours(hour: int, words: str, *, is_dated: bool) -> list[int]:
    """The hours of the day that may be meant, in order."""
    if hour > 12 or hour == 0 or re.search(r"\b(noon|midday|midnight)\b", words):
        return [hour]
    if EVENING.search(words):
        return [hour % 12 + 12]
    if MORNING.search(words):
        return [hour % 12]
    # "tomorrow at nine" is the morning, "tomorrow at three" the afternoon
    if is_dated:
        return [hour if 7 <= hour <= 12 else hour + 12]
    return sorted({hour % 12, hour % 12 + 12})
