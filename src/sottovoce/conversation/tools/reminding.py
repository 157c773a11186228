"""Tools for timers and reminders."""

from __future__ import annotations

from livekit.agents.llm import ToolError, function_tool

from sottovoce.conversation.tools.context import SessionTool, ToolContext
from sottovoce.conversation.tools.timers import Timer, Timers
from sottovoce.skills.chance import join_words, with_article
from sottovoce.skills.clock import say_clock, say_date
from sottovoce.skills.durations import parse_duration, say_duration
from sottovoce.skills.facts import to_user
from sottovoce.skills.moments import find_moment

SPOKEN_TIME_FROM = 3600.0
"""Seconds ahead from which a reminder is confirmed by the clock rather than by the span."""


def reminding_tools(context: ToolContext, timers: Timers) -> list[SessionTool]:
    """`set_timer`, `list_timers`, `cancel_timer`, `set_reminder`."""

    @function_tool
    async def set_timer(duration: str, label: str | None = None) -> str:
        """Set a timer that is announced aloud when it is done.

        Args:
            duration: How long, such as "10 minutes" or "1 hour and 30 minutes".
            label: What it is for, such as "pasta".
        """
        seconds = parse_duration(duration)
        if seconds is None:
            raise ToolError(f"I don't understand how long {duration[:60]} is.")
        timer = timers.start(seconds, label or "")
        name = f"{timer.label} timer" if timer.label else "timer"
        return f"I set {with_article(name)} for {say_duration(seconds)}."

    @function_tool
    async def set_reminder(about: str, when: str) -> str:
        """Set a reminder that is said aloud when it is due.

        Args:
            about: What to remind of, such as "call mum".
            when: When, such as "in 10 minutes", "at half past seven", "tomorrow at nine".
        """
        moment = find_moment(when, context.here())
        if moment is None:
            raise ToolError(f"I don't understand when {when[:60]} is.")
        seconds = (moment - context.here()).total_seconds()
        timer = timers.start(seconds, about, "reminder")
        return f"I'll remind you to {to_user(timer.label)} {_when(context, seconds)}."

    @function_tool
    async def list_timers(label: str | None = None) -> str:
        """List the running timers and reminders with the time each has left.

        Args:
            label: Only those for this, such as "pasta", "timer" or "reminder".
        """
        return timers.list_sentence(label or "")

    @function_tool
    async def cancel_timer(label: str | None = None, all_of_them: bool = False) -> str:
        """Cancel a running timer or reminder.

        Args:
            label: Which one, such as "pasta", "10 minutes" or "reminder". Leave out for the newest.
            all_of_them: Cancel all that match instead of one.
        """
        return _cancelled(await timers.cancel(label or "", is_all=all_of_them))

    return [set_timer, set_reminder, list_timers, cancel_timer]


def _cancelled(timers: list[Timer]) -> str:
    titles = join_words([f"your {timer.title}" for timer in timers])
    return f"I cancelled {titles}."


def _when(context: ToolContext, seconds: float) -> str:
    if seconds < SPOKEN_TIME_FROM:
        return f"in {say_duration(seconds)}"
    now = context.here()
    due = context.here().fromtimestamp(now.timestamp() + seconds, context.zone)
    days = (due.date() - now.date()).days
    day = {0: "", 1: " tomorrow"}.get(days, f" on {say_date(due.date())}")
    return f"at {say_clock(due)}{day}"
