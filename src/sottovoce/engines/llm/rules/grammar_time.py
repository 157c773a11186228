"""Rules for the clock and the calendar."""

from __future__ import annotations

import re
from datetime import date

from sottovoce.engines.llm.rules.intent import Intent, Rule, rule
from sottovoce.skills.dates import DAY_MONTH, MONTH_DAY, find_day
from sottovoce.skills.places import find_place

ANY_DAY = date(2024, 1, 1)
"""Whether words name a day does not depend on today; leap years know most days."""

NOW = r"(?: right)?(?: now)?"
DETAILS = {"month": "month", "year": "year", "week": "week", "week number": "week"}


def _time_at(match: re.Match[str]) -> Intent | None:
    place = re.sub(r"^the (?=city of)|^city of ", "", match["place"])
    if find_day(place, ANY_DAY) and find_place(place) is None:
        return None
    return Intent("time", {"place": place})


def _names_day(words: str) -> bool:
    """Also the 30th of February: saying that there is none is better than not to understand."""
    is_calendar = DAY_MONTH.search(words) or MONTH_DAY.search(words)
    return bool(is_calendar) or find_day(words, ANY_DAY) is not None


def _date(match: re.Match[str]) -> Intent | None:
    groups = match.groupdict()
    when = (groups.get("when") or "").strip()
    detail = DETAILS.get(groups.get("kind") or "", "date")
    if when in ("", "now", "today", "it", "is it", "it is", "this"):
        when = "today"
    elif not _names_day(when):
        return None
    return Intent("date", {"when": when, "detail": detail})


def _countdown(match: re.Match[str]) -> Intent | None:
    if not _names_day(match["until"]):
        return None
    unit = "weeks" if match.groupdict().get("unit") == "weeks" else "days"
    return Intent("countdown", {"until": match["until"], "unit": unit})


KIND = r"(?P<kind>date|day|weekday|month|year|week number|week)"
RULES: tuple[Rule, ...] = (
    rule(
        r"how (?:many|much) (?P<unit>days|weeks|time|months|more days)(?: are| is)?(?: left| there| it)?"
        r"(?: until| till| to| before| since| and till| untill)(?: it is)? (?P<until>.+)",
        _countdown,
    ),
    rule(r"how (?:long|far)(?: is it| is)?(?: until| till| to| before) (?P<until>.+)", _countdown),
    rule(r"when is (?P<when>.+)", _date),
    rule(
        (
            rf"(?:what|which) {KIND}(?: of the week)?(?: it)?(?: is| was| will)?(?: it)?(?: be"
            rf"| is)?(?P<when>(?: .+)?)"
        ),
        _date,
    ),
    rule(
        (
            rf"(?:what (?:is|was|will be) |give me |tell me )?(?:the |today's "
            rf"|current )+{KIND}(?: is it)?(?P<when>(?: .+)?)"
        ),
        _date,
    ),
    rule(r"(?:what is )?(?P<when>today|tomorrow|yesterday)", _date),
    rule(
        (
            rf"(?:tell me |give me )?(?:what )?(?:is )?(?:the )?(?:current |local )?time(?: is it"
            rf"| it is| is)?{NOW}"
        ),
        "time",
    ),
    rule(rf"(?:what (?:hour|times) is it|how late is it|got the time|have you got the time){NOW}", "time"),
    rule(
        r"(?:tell me |give me )?(?:what )?(?:is )?(?:the )?(?:current |local )?times?(?: is (?:it"
        r"|he|this|that|there)| it is| is)?"
        rf"{NOW} (?:in|at|for|over in|and) (?P<place>.+?){NOW}",
        _time_at,
    ),
)
