"""From words to an intent: rules first, then the request before, then the nearest known sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache, lru_cache

from rapidfuzz import fuzz, process

from sottovoce.engines.llm.phrases import examples
from sottovoce.engines.llm.rules import (
    follow_up,
    grammar_chance,
    grammar_memory,
    grammar_sums,
    grammar_talk,
    grammar_time,
    grammar_timers,
)
from sottovoce.engines.llm.rules.intent import UNKNOWN, Intent, Rule
from sottovoce.engines.llm.rules.words import normalize, strip_courtesy

MIN_SIMILARITY = 80.0
"""Percent of characters that an utterance must share with a known sentence to be read as it."""
MAX_WORDS = 14
"""Longer utterances are not repaired: they are stories, not slips."""
EXAMPLES = 1600
"""Known sentences that slips are compared with."""

RULES: tuple[Rule, ...] = (
    *grammar_timers.RULES,
    *grammar_memory.RULES,
    *grammar_talk.RULES,
    *grammar_time.RULES,
    *grammar_sums.RULES,
    *grammar_chance.RULES,
)
OPEN = frozenset({"remember", "recall", "forget", "set_reminder", "spell", "echo", "choose", "unknown"})
"""Intents whose sentences hold the user's own words: no sentence of theirs repairs another."""


def understand(text: str, before: Intent | None = None) -> Intent:
    """The intent of `text`, in the light of the request `before`; `UNKNOWN` where nothing fits."""
    words = normalize(text)
    if not words:
        return UNKNOWN
    if before is not None:
        answer = follow_up.answer(words, before)
        if answer is not None:
            return answer
    intent = read(words)
    if intent is None and before is not None:
        intent = follow_up.variation(words, before)
    return intent or _repaired(words) or UNKNOWN


@lru_cache(maxsize=512)
def read(words: str) -> Intent | None:
    """What the rules make of normalized words, with and without the courtesies around them."""
    for form in (words, strip_courtesy(words)):
        intent = _first(RULES, form)
        if intent is not None:
            return intent
    return _first(grammar_talk.LAST, strip_courtesy(words))


def _first(rules: Sequence[Rule], words: str) -> Intent | None:
    return next((intent for rule in rules if (intent := rule.read(words)) is not None), None)


@cache
def known() -> dict[str, str]:
    """Masked form of every closed template sentence to one of its sentences."""
    sentences: dict[str, str] = {}
    for intent, sentence in examples(EXAMPLES, seed=1):
        if intent not in OPEN:
            words = normalize(sentence)
            sentences.setdefault(_mask(words), words)
    return sentences


def _mask(words: str) -> str:
    return re.sub(r"\d+(?:\.\d+)?", "#", words)


def _repaired(words: str) -> Intent | None:
    """`words` with its slips replaced from the nearest known sentence, numbers kept, then read again."""
    if not 1 < len(words.split()) <= MAX_WORDS:
        return None
    masked = _mask(strip_courtesy(words))
    for near, _, _ in process.extract(
        masked, known().keys(), scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY, limit=3
    ):
        repaired = _merge(masked.split(), near.split(), re.findall(r"\d+(?:\.\d+)?", words))
        intent = read(repaired) if repaired else None
        if intent is not None and intent.name not in OPEN:
            return intent
    return None


def _merge(said: Sequence[str], near: Sequence[str], numbers: Sequence[str]) -> str | None:
    """The near sentence with the said numbers; None where they disagree on how many there are."""
    if near.count("#") != said.count("#") or _strange(said, near):
        return None
    rest = iter(numbers)
    return " ".join(next(rest) if word == "#" else word for word in near)


def _strange(said: Sequence[str], near: Sequence[str]) -> bool:
    """Whether some word that differs sounds nothing like the word it would become."""
    matcher = SequenceMatcher(a=said, b=near, autojunk=False)
    return any(
        fuzz.ratio(" ".join(said[a:b]), " ".join(near[c:d])) < 45 and ((b - a > 0 and d - c > 0) or b - a > 1)
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    )
