"""Requests that lean on the one before."""

from __future__ import annotations

from typing import Any

import pytest

from sottovoce.engines.llm.chat import Message
from sottovoce.engines.llm.rules.history import MAX_TURNS, recall_past
from sottovoce.engines.llm.rules.understanding import understand


def last(*texts: str) -> tuple[str, dict[str, Any], str]:
    """The intent of the last of several user messages."""
    past = recall_past([Message(role="user", content=text) for text in texts[:-1]])
    intent = understand(texts[-1], past.before)
    return intent.name, dict(intent.arguments), intent.missing


@pytest.mark.parametrize(
    ("texts", "name", "arguments"),
    [
        (("what time is it in tokyo", "and in paris"), "time", {"place": "paris"}),
        (("what time is it", "and in paris", "what about new york"), "time", {"place": "new york"}),
        (("what time is it", "thank you", "and in paris"), "time", {"place": "paris"}),
        (("what day is it", "and tomorrow"), "date", {"when": "tomorrow", "detail": "date"}),
        (("what's the date", "what about next friday"), "date", {"when": "next friday", "detail": "date"}),
        (("how many days until christmas", "and easter"), "countdown", {"until": "easter", "unit": "days"}),
        (
            ("how much is ten miles in kilometers", "what about twenty miles"),
            "convert",
            {"amount": 20, "from_unit": "miles", "to_unit": "kilometers"},
        ),
        (
            ("how much is ten miles in kilometers", "and in feet"),
            "convert",
            {"amount": 10, "from_unit": "miles", "to_unit": "feet"},
        ),
        (("what is five plus seven", "times two"), "calculate", {"expression": "(5 plus 7) times 2"}),
        (("what is two plus to", "and minus one"), "calculate", {"expression": "(2 plus to) minus 1"}),
        (("set a timer for ten minutes", "cancel it"), "cancel_timer", {}),
        (("set a pasta timer for ten minutes", "cancel it"), "cancel_timer", {"label": "pasta"}),
        (("remind me to eat in an hour", "delete that"), "cancel_timer", {"label": "reminder"}),
        (
            ("set a timer for ten minutes", "and another one for five minutes"),
            "set_timer",
            {"duration": "5 minutes"},
        ),
        (("roll two dice", "again"), "roll_dice", {"dice": 2}),
        (("tell me a joke", "another one"), "joke", {}),
        (("spell banana", "and necessary"), "spell", {"word": "necessary"}),
        (("where are my keys", "and my glasses"), "recall", {"about": "my glasses"}),
        (("my keys are in the car", "forget that"), "forget", {"about": "my keys are in the car"}),
    ],
)
def test_follow_ups(texts: tuple[str, ...], name: str, arguments: dict[str, Any]) -> None:
    assert last(*texts)[:2] == (name, arguments)


@pytest.mark.parametrize(
    ("texts", "name", "arguments"),
    [
        (("set a timer", "ten minutes"), "set_timer", {"duration": "10 minutes"}),
        (("set a timer", "for an hour and a half please"), "set_timer", {"duration": "an hour and a half"}),
        (
            ("remind me to call mum", "in ten minutes"),
            "set_reminder",
            {"about": "call mum", "when": "in 10 minutes"},
        ),
        (
            ("remind me to call mum", "ten minutes"),
            "set_reminder",
            {"about": "call mum", "when": "in 10 minutes"},
        ),
        (("remind me to call mum", "seven thirty"), "set_reminder", {"about": "call mum", "when": "at 7 30"}),
        (
            ("remind me to call mum", "tomorrow at nine"),
            "set_reminder",
            {"about": "call mum", "when": "tomorrow at 9"},
        ),
        (
            ("remind me in ten minutes", "to call mum"),
            "set_reminder",
            {"about": "call mum", "when": "in 10 minutes"},
        ),
    ],
)
def test_what_was_missing_is_filled_in(texts: tuple[str, ...], name: str, arguments: dict[str, Any]) -> None:
    assert last(*texts) == (name, arguments, "")


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("set a timer", "duration"),
        ("remind me to call mum", "when"),
        ("remind me", "about"),
        ("remind me in an hour", "about"),
    ],
)
def test_what_is_missing_is_named(text: str, missing: str) -> None:
    assert last(text)[2] == missing


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (("set a timer", "what time is it"), "time"),
        (("set a timer", "never mind"), "stop"),
        (("set a timer", "never mind", "ten minutes"), "unknown"),
        (("what time is it", "and banana"), "unknown"),
        (("again",), "repeat"),
        (("cancel it",), "stop"),
    ],
)
def test_what_is_no_follow_up_stands_for_itself(texts: tuple[str, ...], name: str) -> None:
    assert last(*texts)[0] == name


def test_only_so_much_of_the_past_is_read() -> None:
    old = [Message(role="user", content="my name is anna")]
    filler = [Message(role="user", content="hello")] * MAX_TURNS
    assert len(recall_past(old + filler).facts) == 0
    assert len(recall_past(old + filler[1:]).facts) == 1
