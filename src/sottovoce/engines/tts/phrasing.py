"""Cutting what is to be said into the clauses that a model speaks one at a time.

A model gives no sound before a clause is whole, so the first one is short and speech starts early; each
later one may take as long to make as what was made before it plays. Cuts go to marks, else before words like
"and", else between words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sottovoce.engines.tts.phonemes.words import Spoken

PHONEMES_PER_SECOND = 14.0
"""Of Kokoro at speed 1, stress marks and spaces included."""

FIRST_SPEECH = 0.9
"""Seconds of speech that the first clause should have: ready in 0.3 s where a second of speech takes 0.4."""

LONGEST_SPEECH = 6.0
"""Seconds of speech of the longest clause; it bounds how long an interruption or another speaker waits."""

SLACK = 1.5
"""A sentence that is longer than wished by no more than this is left whole."""

MAX_PHONEMES = 400
"""Of a clause; sherpa-onnx cuts longer ones by itself, and Kokoro begins to swallow words."""

_COSTS = {"": 0.9, ",": 0.15, ";": 0.1, ":": 0.1, "—": 0.1}
"""Of a cut behind a mark, in shares of the wished length; a sentence's end costs nothing."""
_JOINT_COST, _TORN_COST = 0.5, 1.3
"""The same before a word like "and", and right behind one."""


@dataclass(frozen=True, slots=True)
class Clause:
    """`mark` is the one it ends with, "" where it was cut between words."""

    phonemes: str
    mark: str
    speech: float
    """About how many seconds it takes to say, at speed 1."""


def next_clause(words: Sequence[Spoken], wished: float) -> tuple[Clause, int]:
    """The first clause of `words`, of about `wished` seconds, and how many words it has: at least one."""
    lengths = [len(str(word)) + 1 for word in words]
    count = _count(words, lengths, min(max(wished, 0.1) * PHONEMES_PER_SECOND, MAX_PHONEMES / SLACK))
    return _clause(words[:count]), count


def split_overlong(word: Spoken) -> list[Spoken]:
    """A word that is no clause alone any more, in pieces."""
    if len(word.phonemes) <= MAX_PHONEMES:
        return [word]
    pieces = [
        word.phonemes[begin : begin + MAX_PHONEMES] for begin in range(0, len(word.phonemes), MAX_PHONEMES)
    ]
    return [Spoken(piece) for piece in pieces[:-1]] + [Spoken(pieces[-1], word.mark)]


def _count(words: Sequence[Spoken], lengths: Sequence[int], wished: float) -> int:
    if sum(lengths) <= wished * SLACK:
        return len(words)
    best, best_cost, length = 1, float("inf"), 0
    for index, word in enumerate(words):
        length += lengths[index]
        if length > wished * SLACK:
            break
        cost = abs(length - wished) / wished + _cost(word, words[index + 1 : index + 2])
        if cost < best_cost:
            best, best_cost = index + 1, cost
    return best


def _cost(word: Spoken, following: Sequence[Spoken]) -> float:
    """Of a cut after `word`."""
    if not word.mark and word.is_joint:
        return _TORN_COST
    if not word.mark and following and following[0].is_joint:
        return _JOINT_COST
    return _COSTS.get(word.mark, 0.0)


def _clause(words: Sequence[Spoken]) -> Clause:
    phonemes = " ".join(map(str, words))
    return Clause(phonemes, words[-1].mark, len(phonemes) / PHONEMES_PER_SECOND)
