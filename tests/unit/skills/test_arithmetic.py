"""Sums, as they are said and typed, and what comes of them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.skills.arithmetic import SumError, calculate, evaluate, is_sum
from sottovoce.skills.sums import MAX_TOKENS, tokenize


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("twenty three times four", "23 times 4 is 92."),
        ("12*3", "12 times 3 is 36."),
        ("5 x 6", "5 times 6 is 30."),
        ("2 + 3 * 4", "2 plus 3 times 4 is 14."),
        ("(2+3)*4", "The result is 20."),
        ("2^3^2", "2 to the power of 3 to the power of 2 is 512."),
        ("fifteen percent of eighty", "15 percent of 80 is 12."),
        ("eighty minus ten percent", "80 minus 10 percent is 72."),
        ("three quarters of sixty", "3 quarters of 60 is 45."),
        ("a third of ten", "A third of 10 is about 3.3333."),
        ("half of ninety", "Half of 90 is 45."),
        ("two and a half times eight", "2.5 times 8 is 20."),
        ("add two and a half to three and three quarters", "2.5 plus 3.75 is 6.25."),
        ("ten minus one and a quarter", "10 minus 1.25 is 8.75."),
        ("the square root of two", "The square root of 2 is about 1.4142."),
        ("square root of one hundred forty four", "The square root of 144 is 12."),
        ("nine squared", "9 squared is 81."),
        ("two to the power of ten", "2 to the power of 10 is 1024."),
        ("divide ninety by four", "90 divided by 4 is 22.5."),
        ("subtract five from three", "3 minus 5 is minus 2."),
        ("add thirty and seven", "30 plus 7 is 37."),
        ("multiply six by seven", "6 times 7 is 42."),
        ("0.1 + 0.2", "0.1 plus 0.2 is 0.3."),
        ("1,250 + 3", "1250 plus 3 is 1253."),
        ("-5*-3", "Minus 5 times minus 3 is 15."),
        ("two plus to", "2 plus 2 is 4."),
        ("for times for", "4 times 4 is 16."),
        ("nine time nine", "9 times 9 is 81."),
        ("a hundred and five minus five", "105 minus 5 is 100."),
        ("seventeen mod five", "17 modulo 5 is 2."),
    ],
)
def test_sums_are_worked_out_and_said(text: str, answer: str) -> None:
    assert calculate(text) == answer


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ten divided by zero", "Dividing by zero has no answer."),
        ("5 / (3 - 3)", "Dividing by zero has no answer."),
        ("0 ^ -1", "Dividing by zero has no answer."),
        ("the square root of minus four", "A negative number has no square root among the real numbers."),
        ("999999999^99", "The result is too large to say."),
        ("2 ^ 2 ^ 2 ^ 2 ^ 2", "The result is too large to say."),
        ("999999999999999 * 999999999999999", "The result is too large to say."),
        ("2 ^ 0.3", "I can only work out whole powers and square roots."),
        ("two times", "That sum is not complete."),
        ("(2 + 3", "That sum is not complete."),
        ("", "I could not read that as a sum."),
        ("__import__('os')", "I could not read that as a sum."),
        ("1 + elephant", "I could not read that as a sum."),
        ("1" * 40 + " + 1", "I could not read that as a sum."),
        ("1" + " + 1" * MAX_TOKENS, "I could not read that as a sum."),
    ],
)
def test_what_has_no_answer_is_said_plainly(text: str, problem: str) -> None:
    with pytest.raises(SumError, match="^" + problem.replace(".", r"\.") + "$"):
        calculate(text)


@pytest.mark.parametrize("text", ["forty", "minus one", "two times", "what", "times three", "ten miles"])
def test_less_than_a_sum_is_none(text: str) -> None:
    assert not is_sum(text)


numbers = st.integers(0, 999)


@given(numbers, st.sampled_from("+-*"), numbers, st.sampled_from("+-*"), numbers)
def test_the_parser_agrees_with_python(a: int, first: str, b: int, second: str, c: int) -> None:
    text = f"{a} {first} {b} {second} {c}"
    tokens = tokenize(text)
    assert tokens is not None
    assert evaluate(tokens).value == Fraction(eval(text))


@given(st.text(max_size=60))
def test_any_text_gives_an_answer_or_a_sum_error(text: str) -> None:
    try:
        said = calculate(text)
    except SumError as error:
        said = str(error)
    assert said.endswith(".")
