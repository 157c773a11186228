"""Numbers between words and digits."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.skills.numbers import MAX_IN_WORDS, in_words, ordinal, say_number, to_digits


@given(st.integers(0, 10**9))
def test_words_become_the_digits_they_were_made_from(number: int) -> None:
    assert to_digits(in_words(number)) == str(number)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("three point five miles", "3.5 miles"),
        ("fifty point twelve", "50.12"),
        ("add thirty and seven", "add 30 and 7"),
        ("one hundred and seven", "107"),
        ("the sum of twenty and nine", "the sum of 20 and 9"),
        ("no numbers here", "no numbers here"),
    ],
)
def test_to_digits(text: str, digits: str) -> None:
    assert to_digits(text) == digits


def test_a_number_too_large_for_words_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        in_words(MAX_IN_WORDS)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (3.0000000004, "3"),
        (0.1 + 0.2, "0.3"),
        (-0.0, "0"),
        (-2.5, "minus 2.5"),
        (1 / 3, "0.3333"),
        (0.00001578, "0.00001578"),
        (1e15, "1000000000000000"),
        (Decimal("12.3400"), "12.34"),
    ],
)
def test_numbers_are_said_without_noise(value: float | Decimal, said: str) -> None:
    assert say_number(value) == said


@given(st.floats(-1e15, 1e15))
def test_a_said_number_is_digits_and_one_point(value: float) -> None:
    assert re.fullmatch(r"(minus )?\d+(\.\d+)?", say_number(value))


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (12, "12th"), (23, "23rd")]
)
def test_ordinal(number: int, said: str) -> None:
    assert ordinal(number) == said
