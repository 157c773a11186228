"""The tools as a model calls them: by name, with JSON arguments, through livekit's own schemas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest
from livekit.agents.llm import ToolError
from livekit.agents.llm.utils import build_legacy_openai_schema

from sottovoce.conversation.tools import Toolbox, ToolContext
from sottovoce.conversation.tools.timers import MAX_TIMERS
from tests.unit.conversation.tools.clockwork import ZONE, Clockwork, make_context

NAMES = {
    *(
        "get_time",
        "get_date",
        "count_days",
        "calculate",
        "convert_units",
        "roll_dice",
        "flip_coin",
        "pick_number",
    ),
    *("set_timer", "set_reminder", "list_timers", "cancel_timer", "remember", "recall", "forget"),
}


class Bench:
    def __init__(self) -> None:
        self.clock = Clockwork()
        self.said: list[str] = []
        self.toolbox = Toolbox(make_context(self.clock, self.said))
        self.tools = {tool.info.name: tool for tool in self.toolbox.tools}

    async def call(self, name: str, **arguments: Any) -> str:
        result = await self.tools[name](**arguments)
        assert isinstance(result, str)
        return result


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.toolbox.aclose()


def test_the_context_needs_only_a_voice() -> None:
    assert ToolContext(announce=print).here().tzinfo is not None


async def test_every_tool_tells_what_it_and_its_arguments_are_for(bench: Bench) -> None:
    assert set(bench.tools) == NAMES
    for tool in bench.toolbox.tools:
        described = build_legacy_openai_schema(tool)["function"]
        jsonschema.Draft202012Validator.check_schema(described["parameters"])
        assert described["description"].strip()
        for name, schema in described["parameters"]["properties"].items():
            assert schema.get("description"), f"{tool.info.name}.{name}"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("get_time", {}, "It is 3:45 PM."),
        ("get_time", {"place": "Tokyo"}, "In Tokyo it is 11:45 PM."),
        ("get_date", {}, "Today is Sunday, the 22nd of November 2026."),
        ("get_date", {"when": "next friday"}, "Next Friday is the 27th of November 2026."),
        ("get_date", {"when": "today", "detail": "week"}, "Today is in week 47."),
        (
            "count_days",
            {"until": "christmas"},
            "Christmas is in 33 days, on Friday, the 25th of December 2026.",
        ),
        ("calculate", {"expression": "12.5 * 4"}, "12.5 times 4 is 50."),
        (
            "convert_units",
            {"amount": 20, "from_unit": "miles", "to_unit": "km"},
            "20 miles is about 32.19 kilometers.",
        ),
        ("roll_dice", {"dice": 2}, "You rolled 2 and 5. That makes 7."),
        ("flip_coin", {}, "It's heads."),
        ("pick_number", {"low": 4, "high": 4}, "I pick 4."),
        ("set_timer", {"duration": "10 minutes"}, "I set a timer for 10 minutes."),
        (
            "set_timer",
            {"duration": "90 s", "label": "egg"},
            "I set an egg timer for 1 minute and 30 seconds.",
        ),
        (
            "set_reminder",
            {"about": "call my mum", "when": "in 5 minutes"},
            "I'll remind you to call your mum in 5 minutes.",
        ),
        (
            "set_reminder",
            {"about": "eat", "when": "at half past seven"},
            "I'll remind you to eat at 7:30 PM.",
        ),
        (
            "set_reminder",
            {"about": "run", "when": "tomorrow at nine"},
            "I'll remind you to run at 9:00 AM tomorrow.",
        ),
        ("list_timers", {}, "No timers or reminders are running."),
        (
            "remember",
            {"fact": "my keys are in the drawer"},
            "I'll remember that your keys are in the drawer.",
        ),
        ("recall", {"about": "my keys"}, "You haven't told me anything to remember yet."),
        ("forget", {}, "There is nothing for me to forget."),
    ],
)
async def test_results_can_be_said_as_they_are(
    bench: Bench, name: str, arguments: dict[str, Any], said: str
) -> None:
    assert await bench.call(name, **arguments) == said


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("get_time", {"place": "narnia"}, "I don't know the time zone of narnia"),
        ("get_date", {"when": "blursday"}, "I don't know which day blursday is"),
        ("count_days", {"until": "x" * 999}, "I don't know which day x{60} is"),
        ("calculate", {"expression": "1/0"}, "Dividing by zero"),
        ("calculate", {"expression": "1+" * 9999}, "could not read"),
        ("convert_units", {"amount": 1, "from_unit": "kilos", "to_unit": "miles"}, "don't measure the same"),
        ("roll_dice", {"dice": 999}, "between 1 and 20 dice"),
        ("flip_coin", {"coins": 0}, "between 1 and 20 coins"),
        ("set_timer", {"duration": "soon"}, "don't understand how long soon is"),
        ("set_timer", {"duration": "900 days"}, "from 1 second to 7 days"),
        ("set_reminder", {"about": "eat", "when": "whenever"}, "don't understand when whenever is"),
        ("cancel_timer", {}, "No timer is running"),
        ("remember", {"fact": "x" * 999}, "too long for me to remember"),
    ],
)
async def test_problems_are_tool_errors_that_can_be_said(
    bench: Bench, name: str, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ToolError, match=problem) as caught:
        await bench.call(name, **arguments)
    assert caught.value.message.endswith(".")
    assert len(caught.value.message) < 200


async def test_a_reminder_by_the_clock_comes_at_that_time(bench: Bench) -> None:
    await bench.call("set_reminder", about="call my mum", when="at half past seven")
    await bench.clock.advance(3 * 3600 + 45 * 60 - 1)
    assert bench.said == []
    await bench.clock.advance(1)
    assert bench.said == ["Here is your reminder: call your mum."]
    assert bench.clock.now(ZONE).strftime("%H:%M") == "19:30"


async def test_timers_end_with_the_toolbox(bench: Bench) -> None:
    await bench.call("set_timer", duration="10 minutes", label="pasta")
    assert await bench.call("cancel_timer", label="pasta") == "I cancelled your pasta timer."
    await bench.call("set_timer", duration="10 minutes")
    await bench.toolbox.aclose()
    await bench.clock.advance(1000)
    assert bench.said == []


async def test_a_full_list_can_still_be_said(bench: Bench) -> None:
    for number in range(MAX_TIMERS):
        await bench.call("set_timer", duration=f"{number + 1} minutes", label="x" * 999)
    assert len(await bench.call("list_timers")) < 4000


async def test_facts_are_the_sessions_own(bench: Bench) -> None:
    await bench.call("remember", fact="my name is Anna")
    assert await bench.call("recall", about="my name") == "Your name is Anna."
    assert await Bench().call("recall", about="my name") == "You haven't told me anything to remember yet."
