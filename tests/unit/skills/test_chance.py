"""Dice, coins, spelling and counting."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.skills import chance
from sottovoce.skills.spelling import MAX_COUNTED, MAX_LETTERS, count, spell


@given(st.integers(), st.integers(1, chance.MAX_DICE), st.integers(2, chance.MAX_SIDES))
def test_dice_stay_within_their_sides(seed: int, dice: int, sides: int) -> None:
    results = chance.roll(random.Random(seed), dice, sides)
    assert len(results) == dice
    assert all(1 <= result <= sides for result in results)


def test_every_side_of_a_die_comes_up() -> None:
    rng = random.Random(1)
    assert {chance.roll(rng)[0] for _ in range(200)} == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    ("dice", "sides"), [(0, 6), (chance.MAX_DICE + 1, 6), (1, 1), (1, chance.MAX_SIDES + 1)]
)
def test_dice_out_of_bounds(dice: int, sides: int) -> None:
    with pytest.raises(ValueError, match="between"):
        chance.roll(random.Random(1), dice, sides)


def test_several_dice_are_summed() -> None:
    assert chance.roll_sentence(random.Random(1), 3) == "You rolled 2, 5 and 1. That makes 8."


def test_both_sides_of_a_coin_come_up() -> None:
    rng = random.Random(1)
    assert {chance.flip_sentence(rng) for _ in range(50)} == {"It's heads.", "It's tails."}


def test_several_coins() -> None:
    heads = chance.flip_sentence(random.Random(1), 5)
    assert heads == "3 heads and 2 tails."
    with pytest.raises(ValueError, match="coins"):
        chance.flip_sentence(random.Random(1), chance.MAX_COINS + 1)


def test_a_number_is_picked_whichever_way_round_the_bounds_are() -> None:
    assert {chance.pick_number(random.Random(seed), 3, 1) for seed in range(30)} == {1, 2, 3}


@pytest.mark.parametrize(
    ("words", "said"), [("7", "a 7"), ("8", "an 8"), ("11", "an 11"), ("egg timer", "an egg timer")]
)
def test_articles(words: str, said: str) -> None:
    assert chance.with_article(words) == said


def test_spelling() -> None:
    assert spell("tea") == "Tea: T, E, A."
    with pytest.raises(ValueError, match="no letters"):
        spell("!?")
    with pytest.raises(ValueError, match="too long"):
        spell("a" * (MAX_LETTERS + 1))


@pytest.mark.parametrize(
    ("start", "stop", "step", "said"),
    [
        (1, 3, 1, "One, two, three."),
        (3, 1, 1, "Three, two, one."),
        (5, 20, 5, "Five, ten, fifteen, twenty."),
        (4, 4, 1, "Four."),
    ],
)
def test_counting(start: int, stop: int, step: int, said: str) -> None:
    assert count(start, stop, step) == said


def test_counting_has_an_end() -> None:
    assert count(1, MAX_COUNTED).endswith("one hundred.")
    with pytest.raises(ValueError, match="too long"):
        count(1, MAX_COUNTED + 1)
    with pytest.raises(ValueError, match="steps"):
        count(1, 5, 0)
