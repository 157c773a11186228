"""Tokens become words, with times and probabilities."""

from __future__ import annotations

import math

import pytest

from sottovoce.engines.stt.base import written
from sottovoce.engines.stt.token_words import LEAST_PROBABILITY, Tokens, words


def texts(*tokens: str) -> list[str]:
    times = [0.1 * number for number in range(len(tokens))]
    return [word.text for word in words(Tokens(tokens, times))]


@pytest.mark.parametrize("mark", [" ", "▁"])
def test_tokens_without_a_mark_continue_a_word(mark: str) -> None:
    assert texts(f"{mark}set", f"{mark}tim", "er", "s", ".") == ["set", "timers."]
    assert texts("be", "gun", f"{mark}again") == ["begun", "again"]


def test_a_mark_may_be_a_token_of_its_own() -> None:
    assert texts("▁", "10", "▁", "▁ten") == ["10", "ten"]


def test_times_and_probability_of_a_word_are_those_of_its_tokens() -> None:
    tokens = Tokens(
        [" tim", "er", " for"], [0.08, 0.24, 0.4], [math.log(0.8), math.log(0.5), math.log(0.9)], 2.0
    )
    timer, four = words(tokens)
    assert (timer.text, timer.start, timer.end, timer.probability) == ("timer", 2.08, 2.4, 0.4)
    assert (four.start, four.end, four.probability) == (2.4, 2.8, 0.9)


def test_a_word_does_not_last_through_the_pause_after_it() -> None:
    first, second = words(Tokens([" one", " two"], [0.0, 5.0]))
    assert (first.end, second.start) == (0.4, 5.0)


def test_a_probability_is_never_nothing_nor_more_than_all() -> None:
    unlikely, certain = words(Tokens([" a", " b"], [0.0, 1.0], [-80.0, 0.001]))
    assert (unlikely.probability, certain.probability) == (LEAST_PROBABILITY, 1.0)


def test_characters_that_need_no_spaces_are_words_of_their_own() -> None:
    heard = words(Tokens(["▁今日", "は", "。", "▁OK", "で"], [0.0, 0.2, 0.3, 0.5, 0.7]))
    assert [word.text for word in heard] == ["今日", "は", "。", "OK", "で"]
    assert written(heard) == "今日は。 OKで"


def test_a_character_may_come_byte_by_byte() -> None:
    assert texts("▁caf", "<0xC3>", "<0xA9>", "▁x") == ["café", "x"]
    assert texts("▁a", "<0xC3>") == ["a\ufffd"]


def test_no_tokens_are_no_words() -> None:
    assert words(Tokens()) == ()
    assert texts("▁", " ") == []
