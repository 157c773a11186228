"""Timers and reminders in virtual time."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from livekit.agents.llm import ToolError

from sottovoce.conversation.tools.timers import MAX_DURATION, MAX_LABEL_CHARACTERS, MAX_TIMERS, Timers
from tests.unit.conversation.tools.clockwork import Clockwork, settle


class Bench:
    """Timers on a clock of their own, with what they announced."""

    def __init__(self) -> None:
        self.clock = Clockwork()
        self.said: list[str] = []
        self.timers = Timers(self.said.append, self.clock.monotonic, self.clock.sleep)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.timers.aclose()


async def test_a_timer_is_announced_when_due_and_not_before(bench: Bench) -> None:
    bench.timers.start(600)
    await bench.clock.advance(599)
    assert bench.said == []
    await bench.clock.advance(1)
    assert bench.said == ["Your 10 minute timer is done."]
    assert bench.timers.running == []


async def test_timers_are_announced_in_the_order_they_are_due(bench: Bench) -> None:
    bench.timers.start(300, "pasta")
    bench.timers.start(120, "call my mum", "reminder")
    bench.timers.start(180, "egg")
    await bench.clock.advance(1000)
    assert bench.said == [
        "Here is your reminder: call your mum.",
        "Your egg timer is done.",
        "Your pasta timer is done.",
    ]


async def test_the_list_says_what_is_left(bench: Bench) -> None:
    bench.timers.start(600, "pasta")
    bench.timers.start(3600, "call my mum", "reminder")
    await bench.clock.advance(90)
    assert bench.timers.list_sentence() == (
        "You have 8 minutes and 30 seconds on your pasta timer and "
        "58 minutes and 30 seconds on your reminder to call your mum."
    )
    assert bench.timers.list_sentence("pasta") == "You have 8 minutes and 30 seconds on your pasta timer."
    assert bench.timers.list_sentence("rice") == "There is no rice timer."


async def test_nothing_running_is_said(bench: Bench) -> None:
    assert bench.timers.list_sentence() == "No timers or reminders are running."


@pytest.mark.parametrize(
    ("label", "is_all", "cancelled"),
    [
        ("", False, ["rice"]),
        ("pasta", False, ["pasta"]),
        ("pastor", False, ["pasta"]),
        ("10 minute", False, ["pasta"]),
        ("reminder", False, ["call mum"]),
        ("timer", True, ["pasta", "rice"]),
        ("", True, ["pasta", "rice", "call mum"]),
    ],
)
async def test_cancelling(bench: Bench, label: str, is_all: bool, cancelled: list[str]) -> None:
    bench.timers.start(600, "pasta")
    bench.timers.start(7200, "call mum", "reminder")
    bench.timers.start(900, "rice")
    gone = await bench.timers.cancel(label, is_all=is_all)
    assert sorted(timer.label for timer in gone) == sorted(cancelled)
    await bench.clock.advance(10_000)
    assert len(bench.said) == 3 - len(cancelled)


async def test_cancelling_what_is_not_there_is_an_error(bench: Bench) -> None:
    with pytest.raises(ToolError, match="No timer is running"):
        await bench.timers.cancel()
    bench.timers.start(60, "pasta")
    with pytest.raises(ToolError, match="no laundry timer"):
        await bench.timers.cancel("laundry")


async def test_there_is_a_largest_number_of_timers(bench: Bench) -> None:
    for _ in range(MAX_TIMERS):
        bench.timers.start(60)
    with pytest.raises(ToolError, match=f"{MAX_TIMERS} timers are running"):
        bench.timers.start(60)
    await bench.clock.advance(60)
    bench.timers.start(60)


@pytest.mark.parametrize("duration", [0, 0.5, -5, MAX_DURATION + 1, float("nan"), float("inf")])
async def test_durations_out_of_bounds_are_refused(bench: Bench, duration: float) -> None:
    with pytest.raises(ToolError, match="from 1 second to 7 days"):
        bench.timers.start(duration)
    assert bench.timers.running == []


async def test_a_long_label_is_cut(bench: Bench) -> None:
    assert len(bench.timers.start(60, "x" * 999).label) == MAX_LABEL_CHARACTERS


async def test_closing_cancels_everything_silently(bench: Bench) -> None:
    bench.timers.start(60)
    bench.timers.start(90, "tea")
    await bench.timers.aclose()
    await bench.clock.advance(1000)
    assert bench.said == []


async def test_an_announcement_that_fails_is_logged_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(sentence: str) -> None:
        raise RuntimeError("the session is closed")

    clock = Clockwork()
    timers = Timers(fail, clock.monotonic, clock.sleep)
    timers.start(1, "surprise party")
    with caplog.at_level(logging.ERROR):
        await clock.advance(1)
        await settle()
    assert "could not be announced" in caplog.text
    assert "surprise" not in caplog.messages[0]
    assert timers.running == []
