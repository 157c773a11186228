"""A trigram model of a small set of sentences, such as the phrases the dialogue engine understands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sottovoce.engines.stt.trie_model import Floats, Ints

START, END = "<s>", "</s>"


@dataclass(frozen=True)
class DomainModel:
    """Maximum-likelihood shares, smoothed by Witten and Bell's method (Bell, Cleary & Witten 1990).

    Probabilities are plain, not logarithms. `pair[h, w]` is that of word w after h; it holds every pair,
    seen or not. A triple (u, h, w) that occurs is a row of `triples`, sorted; its probability is in
    `triple`. `share[h]` and `pair_share[u, h]` say how often a history occurs among all words; that of <s>
    counts as 1.
    """

    words: Sequence[str]
    share: Floats
    pair: Floats
    seen_pairs: Ints
    pair_share: Floats
    triples: Ints
    triple: Floats


def estimate(sentences: Iterable[str]) -> DomainModel:
    """Learn from lower-case sentences without punctuation."""
    texts = [[START, *sentence.split(), END] for sentence in sentences]
    words = sorted({word for text in texts for word in text})
    number = {word: index for index, word in enumerate(words)}
    pair_rows = [(number[a], number[b]) for text in texts for a, b in pairwise(text)]
    triple_rows = [
        tuple(number[word] for word in text[at : at + 3]) for text in texts for at in range(len(text) - 2)
    ]
    return _smooth(words, np.array(pair_rows), np.array(triple_rows))


def _smooth(words: list[str], pair_rows: Ints, triple_rows: Ints) -> DomainModel:
    size, start = len(words), words.index(START)
    counts = np.zeros((size, size))
    np.add.at(counts, (pair_rows[:, 0], pair_rows[:, 1]), 1)
    single = counts.sum(0)
    share = single / single.sum()
    pair = _witten_bell(counts, share[None, :])
    triples, seen = np.unique(triple_rows, axis=0, return_counts=True)
    _, context = np.unique(triples[:, :2], axis=0, return_inverse=True)
    total, followers = np.bincount(context, seen)[context], np.bincount(context)[context]
    triple = (seen + followers * pair[triples[:, 1], triples[:, 2]]) / (total + followers)
    pair_share = counts / counts.sum()
    pair_share[start] = pair[start]
    share[start] = 1.0
    return DomainModel(words, share, pair, np.argwhere(counts > 0), pair_share, triples, triple)


def _witten_bell(counts: Floats, lower: Floats) -> Floats:
    """Give unseen followers as much weight as there are different seen ones."""
    followers = (counts > 0).sum(1, keepdims=True)
    total = counts.sum(1, keepdims=True)
    return np.where(total > 0, (counts + followers * lower) / np.maximum(total + followers, 1), lower)
