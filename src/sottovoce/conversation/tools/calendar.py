"""Tools about the clock and the calendar."""

from __future__ import annotations

import asyncio
from typing import Literal

from livekit.agents.llm import ToolError, function_tool

from sottovoce.conversation.tools.context import SessionTool, ToolContext
from sottovoce.skills.clock import countdown_sentence, detail_sentence, time_sentence
from sottovoce.skills.dates import Day, find_day
from sottovoce.skills.places import find_place


def calendar_tools(context: ToolContext) -> list[SessionTool]:
    """`get_time`, `get_date`, `count_days`."""

    @function_tool
    async def get_time(place: str | None = None) -> str:
        """Get the current time, here or in another city or country.

        Args:
            place: City, country or time zone, such as "Tokyo". Leave out for the time here.
        """
        if not place:
            return time_sentence(context.here())
        # reads the zone's file the first time
        found = await asyncio.to_thread(find_place, place)
        if found is None:
            raise ToolError(f"I don't know the time zone of {place[:60]}.")
        return time_sentence(context.here(), found)

    @function_tool
    async def get_date(
        when: str = "today", detail: Literal["date", "weekday", "month", "year", "week"] = "date"
    ) -> str:
        """Get the date or weekday of today or of another day.

        Args:
            when: The day in words, such as "today", "next friday", "in three weeks", "christmas", "march 3".
            detail: Which part of the date is asked for.
        """
        return detail_sentence(context.here(), _day(context, when), detail)

    @function_tool
    async def count_days(until: str, unit: Literal["days", "weeks"] = "days") -> str:
        """Count the days or weeks until a day, or since it.

        Args:
            until: The day in words, such as "christmas", "friday", "the 24th of december".
            unit: Whether to count in days or weeks.
        """
        return countdown_sentence(context.here(), _day(context, until), unit)

    return [get_time, get_date, count_days]


def _day(context: ToolContext, when: str) -> Day:
    day = find_day(when, context.here().date())
    if day is None:
        raise ToolError(f"I don't know which day {when[:60]} is.")
    return day
