"""Spoken sentences drawn from the templates.

One source for two readers: the embedded recogniser builds its domain language model from `sentences()`, and
the tests of the dialogue engine hold `rules` to understand every template as its intent.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from sottovoce.engines.llm.slots import SLOTS
from sottovoce.engines.llm.templates import TEMPLATES

SLOT_NAME = re.compile("|".join(sorted(SLOTS, key=len, reverse=True)))


def fill(template: str, rng: random.Random) -> str:
    """`template` with each slot drawn anew."""

    def draw(match: re.Match[str]) -> str:
        slot = SLOTS[match.group()]
        return slot(rng) if callable(slot) else rng.choice(slot)

    return SLOT_NAME.sub(draw, template)


def examples(limit: int = 3000, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Up to `limit` different (intent, sentence) pairs, every template in turn until nothing new comes."""
    rng = random.Random(seed)  # noqa: S311  sentences, not secrets
    seen: set[str] = set()
    pairs = [(intent, template) for intent, templates in TEMPLATES.items() for template in templates]
    while pairs and len(seen) < limit:
        fresh = [(intent, template, fill(template, rng)) for intent, template in pairs]
        new = [(intent, sentence) for intent, _, sentence in fresh if sentence not in seen]
        for intent, sentence in new:
            if sentence not in seen and len(seen) < limit:
                seen.add(sentence)
                yield intent, sentence
        # a template without slots has given all it has
        pairs = [(intent, template) for intent, template in pairs if SLOT_NAME.search(template)]
        if not new:
            return


def sentences(limit: int = 3000, seed: int = 0) -> list[str]:
    """Lower-case spoken sentences without digits or punctuation, at most `limit`, the same for one seed.

    An apostrophe inside a word ("what's") is part of the word, as in pronouncing dictionaries.
    """
    return [sentence for _, sentence in examples(limit, seed)]
