"""Days, times of day and spans, as people name them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.skills.clock import (
    countdown_sentence,
    date_sentence,
    detail_sentence,
    local_zone,
    say_clock,
    time_sentence,
)
from sottovoce.skills.dates import find_day
from sottovoce.skills.durations import find_duration, parse_duration, say_duration
from sottovoce.skills.moments import find_moment
from sottovoce.skills.places import find_place

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 15, 45, tzinfo=BERLIN)
TODAY = NOW.date()
"""A Sunday."""


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("today", date(2026, 11, 22)),
        ("tomorrow", date(2026, 11, 23)),
        ("the day after tomorrow", date(2026, 11, 24)),
        ("the day before yesterday", date(2026, 11, 20)),
        ("next friday", date(2026, 11, 27)),
        ("on monday", date(2026, 11, 23)),
        ("sunday", date(2026, 11, 29)),
        ("last monday", date(2026, 11, 16)),
        ("last sunday", date(2026, 11, 15)),
        ("in three weeks", date(2026, 12, 13)),
        ("in a week", date(2026, 11, 29)),
        ("two months ago", date(2026, 9, 22)),
        ("three days from now", date(2026, 11, 25)),
        ("next year", date(2027, 11, 22)),
        ("christmas", date(2026, 12, 25)),
        ("christmas eve", date(2026, 12, 24)),
        ("easter", date(2027, 3, 28)),
        ("easter 2024", date(2024, 3, 31)),
        ("thanksgiving", date(2026, 11, 26)),
        ("new year's eve", date(2026, 12, 31)),
        ("new year", date(2027, 1, 1)),
        ("the twenty fourth of december", date(2026, 12, 24)),
        ("march third", date(2027, 3, 3)),
        ("march 3 2030", date(2030, 3, 3)),
        ("february 29th", date(2028, 2, 29)),
        ("2027-01-05", date(2027, 1, 5)),
    ],
)
def test_days_are_found(words: str, day: date) -> None:
    found = find_day(words, TODAY)
    assert found is not None
    assert found.date == day


@pytest.mark.parametrize(
    "words",
    [
        "",
        "banana",
        "thirty first of june",
        "in nine million years",
        "in 99999999999999999999 days",
        "2027-13-45",
    ],
)
def test_what_is_no_day_is_not_found(words: str) -> None:
    assert find_day(words, TODAY) is None


@given(st.text(max_size=80))
def test_any_text_is_a_day_or_none(text: str) -> None:
    find_day(text, TODAY)
    find_moment(text, NOW)
    find_duration(text)


def test_the_31st_plus_a_month_is_the_last_of_the_next() -> None:
    found = find_day("in one month", date(2027, 1, 31))
    assert found is not None
    assert found.date == date(2027, 2, 28)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("today", "Today is Sunday, the 22nd of November 2026."),
        ("yesterday", "Yesterday was Saturday, the 21st of November 2026."),
        ("next friday", "Next Friday is the 27th of November 2026."),
        ("in three weeks", "In 3 weeks it will be Sunday, the 13th of December 2026."),
        ("two days ago", "2 days ago it was Friday, the 20th of November 2026."),
        ("christmas", "Christmas is on Friday, the 25th of December 2026."),
        ("the first of may", "The 1st of May 2027 is a Saturday."),
    ],
)
def test_date_sentences(words: str, sentence: str) -> None:
    day = find_day(words, TODAY)
    assert day is not None
    assert date_sentence(NOW, day) == sentence


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        ("weekday", "Today is Sunday."),
        ("month", "Today is November 2026."),
        ("year", "Today is 2026."),
        ("week", "Today is in week 47."),
        ("date", "Today is Sunday, the 22nd of November 2026."),
    ],
)
def test_details_of_a_date(detail: str, sentence: str) -> None:
    day = find_day("today", TODAY)
    assert day is not None
    assert detail_sentence(NOW, day, detail) == sentence


@pytest.mark.parametrize(
    ("words", "unit", "sentence"),
    [
        ("christmas", "days", "Christmas is in 33 days, on Friday, the 25th of December 2026."),
        ("christmas", "weeks", "Christmas is in 4 weeks and 5 days, on Friday, the 25th of December 2026."),
        ("tomorrow", "days", "Tomorrow is in 1 day, on Monday, the 23rd of November 2026."),
        ("the first of december", "days", "The 1st of December 2026 is in 9 days."),
        ("last monday", "days", "Last Monday was 6 days ago, on Monday, the 16th of November 2026."),
        ("today", "days", "That is today, Sunday, the 22nd of November 2026."),
    ],
)
def test_countdowns(words: str, unit: str, sentence: str) -> None:
    day = find_day(words, TODAY)
    assert day is not None
    assert countdown_sentence(NOW, day, unit) == sentence


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("tokyo", "In Tokyo it is 11:45 PM."),
        ("sydney", "In Sydney it is 1:45 AM tomorrow."),
        ("new york", "In New York it is 9:45 AM."),
        ("san francisco", "In San Francisco it is 6:45 AM."),
        ("the uk", "In the UK it is 2:45 PM."),
        ("india", "In India it is 8:15 PM."),
        ("londun", "In London it is 2:45 PM."),
        ("são paulo", "In Sao Paulo it is 11:45 AM."),
        ("Europe/Paris", "In Paris it is 3:45 PM."),
    ],
)
def test_the_time_elsewhere(place: str, sentence: str) -> None:
    assert time_sentence(NOW, find_place(place)) == sentence


@pytest.mark.parametrize("name", ["", "x", "narnia", "banana", "lemon"])
def test_places_that_are_none(name: str) -> None:
    assert find_place(name) is None


@pytest.mark.parametrize(
    ("hour", "minute", "said"),
    [(0, 0, "midnight"), (12, 0, "noon"), (0, 5, "12:05 AM"), (12, 30, "12:30 PM"), (15, 45, "3:45 PM")],
)
def test_the_clock_is_said_in_twelve_hours(hour: int, minute: int, said: str) -> None:
    assert say_clock(NOW.replace(hour=hour, minute=minute)) == said


def test_the_local_zone_tells_the_time() -> None:
    assert datetime.now(local_zone()).utcoffset() is not None


@pytest.mark.parametrize(
    ("words", "seconds", "said"),
    [
        ("one hour and thirty minutes", 5400, "1 hour and 30 minutes"),
        ("half an hour", 1800, "30 minutes"),
        ("an hour and a half", 5400, "1 hour and 30 minutes"),
        ("two and a half hours", 9000, "2 hours and 30 minutes"),
        ("a quarter of an hour", 900, "15 minutes"),
        ("a couple of minutes", 120, "2 minutes"),
        ("ninety seconds", 90, "1 minute and 30 seconds"),
        ("one second", 1, "1 second"),
        ("30 second", 30, "30 seconds"),
        ("1h 30m", 5400, "1 hour and 30 minutes"),
        ("two days", 172_800, "2 days"),
    ],
)
def test_durations(words: str, seconds: float, said: str) -> None:
    assert parse_duration(words) == seconds
    assert say_duration(seconds) == said


@pytest.mark.parametrize("words", ["", "banana", "the second of may", "seven"])
def test_no_duration(words: str) -> None:
    assert parse_duration(words) is None


def test_what_is_left_of_a_sentence_with_a_duration() -> None:
    assert find_duration("set a pasta timer for ten minutes") == (600, "set a pasta timer for")


@pytest.mark.parametrize(
    ("words", "day", "hour", "minute"),
    [
        ("in ten minutes", 22, 15, 55),
        ("at seven thirty", 22, 19, 30),
        ("at half past seven", 22, 19, 30),
        ("at quarter to eight", 22, 19, 45),
        ("twenty five to seven", 22, 18, 35),
        ("at three", 23, 3, 0),
        ("at four", 22, 16, 0),
        ("tomorrow at nine", 23, 9, 0),
        ("tomorrow at three", 23, 15, 0),
        ("on friday at three", 27, 15, 0),
        ("at five pm", 22, 17, 0),
        ("at five in the morning", 23, 5, 0),
        ("at 19:30", 22, 19, 30),
        ("at nine tonight", 22, 21, 0),
        ("noon", 23, 12, 0),
        ("midnight", 23, 0, 0),
    ],
)
def test_moments(words: str, day: int, hour: int, minute: int) -> None:
    moment = find_moment(words, NOW)
    assert moment is not None
    assert (moment.day, moment.hour, moment.minute) == (day, hour, minute)


@pytest.mark.parametrize("words", ["tomorrow", "at 25", "at 7:75", "soon", ""])
def test_no_moment(words: str) -> None:
    assert find_moment(words, NOW) is None


@given(st.integers(0, 23), st.integers(0, 59))
def test_a_moment_is_always_ahead_and_as_said(hour: int, minute: int) -> None:
    moment = find_moment(f"at {hour}:{minute:02d}", NOW)
    assert moment is not None
    assert moment > NOW
    assert (moment.hour % 12, moment.minute) == (hour % 12, minute)
