"""Tool results as something to say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.engines.llm.rules.results import MAX_SAID_CHARACTERS, say_result, say_results


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("It is 3:45 PM.", "It is 3:45 PM."),
        ("done and dusted", "Done and dusted."),
        ("", "Done."),
        ("**Bold** and [a page](https://example.org) `code`", "Bold and a page code."),
        ("# Title\n- one\n- two", "Title one two."),
        ("see https://example.org/x", "See a link."),
        ("42", "42."),
        ("3.14000001", "3.14."),
        ("true", "Yes."),
        ("null", "Null."),
        ("not json {", "Not json {."),
        ("[]", "There is nothing."),
        ("{}", "Done."),
    ],
)
def test_plain_results(content: str, said: str) -> None:
    assert say_result(content) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"temperature": 21, "condition": "sunny"}, "The temperature is 21 and the condition is sunny."),
        (
            {"temperature": 21.5, "unit": "celsius"},
            "The temperature is 21.5 and the unit is degrees Celsius.",
        ),
        ({"isOpen": True, "id": "x1", "url": "https://example.org"}, "The is open is yes."),
        ({"result": "All lights are off"}, "All lights are off."),
        ({"answer": "Forty two.", "confidence": 0.9}, "Forty two."),
        ({"success": True}, "Done."),
        ({"status": "failed"}, "That did not work."),
        ({"error": "no such city"}, "That did not work: no such city."),
        ({"error": {"message": "no such city"}}, "That did not work: message no such city."),
        ({"weather": {"high": 20, "low": 11}}, "The weather is high 20, low 11."),
        (["milk", "eggs", "bread"], "Milk, eggs and bread."),
        (list(range(9)), "0, 1, 2, 3, 4, 5 and 3 more."),
        ([{"name": "Anna", "age": 4}], "Name Anna, age 4."),
    ],
)
def test_json_is_put_into_words(value: Any, said: str) -> None:
    assert say_result(json.dumps(value)) == said


def test_several_results_follow_each_other() -> None:
    assert say_results(["It is noon.", "You rolled a 3."]) == "It is noon. You rolled a 3."


def test_a_long_result_is_cut_at_a_sentence() -> None:
    said = say_result("This is one sentence. " * 200)
    assert len(said) <= MAX_SAID_CHARACTERS
    assert said.endswith("sentence.")


def test_a_deep_result_does_no_harm() -> None:
    assert say_result("[" * 5000 + "]" * 5000)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=10), inner, max_size=8),
    max_leaves=30,
)


@given(json_values)
def test_any_json_can_be_said(value: Any) -> None:
    said = say_result(json.dumps(value))
    assert said
    assert len(said) <= MAX_SAID_CHARACTERS + len(" and so on.")
