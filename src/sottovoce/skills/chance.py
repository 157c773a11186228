"""Dice, coins and picks. The random source is given, so that tests and seeds decide."""

from __future__ import annotations

import random
from collections.abc import Sequence

from sottovoce.skills.durations import plural

MAX_DICE = 20
"""More results than anyone can follow by ear."""
MAX_SIDES = 1000
MAX_COINS = 20


def roll(rng: random.Random, dice: int = 1, sides: int = 6) -> list[int]:
    """`dice` results from 1 to `sides`. Raises ValueError out of bounds."""
    if not 1 <= dice <= MAX_DICE:
        raise ValueError(f"I can roll between 1 and {MAX_DICE} dice at once.")
    if not 2 <= sides <= MAX_SIDES:
        raise ValueError(f"A die needs between 2 and {MAX_SIDES} sides.")
    return [rng.randint(1, sides) for _ in range(dice)]


def roll_sentence(rng: random.Random, dice: int = 1, sides: int = 6) -> str:
    results = roll(rng, dice, sides)
    if dice == 1:
        return f"You rolled {with_article(str(results[0]))}."
    return f"You rolled {join_words([str(result) for result in results])}. That makes {sum(results)}."


def with_article(words: str) -> str:
    """ "an 8", "a 7", "an egg timer": by the sound of the first word."""
    is_vowel = words[:1].lower() in "aeio" or words.startswith("8") or words.split()[0] in ("11", "18")
    return f"{'an' if is_vowel else 'a'} {words}"


def flip_sentence(rng: random.Random, coins: int = 1) -> str:
    """Heads or tails. Raises ValueError out of bounds."""
    if not 1 <= coins <= MAX_COINS:
        raise ValueError(f"I can flip between 1 and {MAX_COINS} coins at once.")
    heads = sum(rng.random() < 0.5 for _ in range(coins))
    if coins == 1:
        return "It's heads." if heads else "It's tails."
    return f"{plural(heads, 'head')} and {plural(coins - heads, 'tail')}."


def pick_number(rng: random.Random, low: int = 1, high: int = 10) -> int:
    """A whole number from `low` to `high`, whichever way round they are given."""
    return rng.randint(min(low, high), max(low, high))


def join_words(words: Sequence[str], conjunction: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"
