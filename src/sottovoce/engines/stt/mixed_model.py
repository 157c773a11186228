"""Mix the general language model with a domain's, so that commands come out right and free speech still
does.

Linear interpolation, with the domain's weight depending on the words before: after "set a timer" it is near
one, after words the domain hardly uses it falls to nothing. The weight of a history is the probability that
the domain produced it, given the weight at the start (Allauzen & Riley, "Bayesian language model
interpolation for mobile speech input", 2011). Back-off weights are then set so that every distribution adds
up to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sottovoce.engines.stt.domain_model import END, START, DomainModel
from sottovoce.engines.stt.trie_model import Floats, Ints, TrieModel

MIN_MASS = 1e-4
"""Least probability left for words that back off; keeps a nearly certain history from forbidding them."""
NEVER = -30.0
"""Logarithm given to a word the general model lacks."""


def mix(general: TrieModel, domain: DomainModel, weight: float) -> TrieModel:
    """The mixture in which a sentence is the domain's with probability `weight`."""
    return _Mixer(general, domain, weight).mix()


@dataclass
class _Pairs:
    """All pairs of the mixture, sorted by `key` as the trie wants it."""

    key: Ints
    word: Ints
    before: Ints
    general: Floats
    prob: Floats


class _Mixer:
    def __init__(self, general: TrieModel, domain: DomainModel, weight: float) -> None:
        self.general, self.domain, self.weight = general, domain, weight
        known = set(general.words)
        self.words = [*general.words, *(word for word in domain.words if word not in known)]
        number = {word: index for index, word in enumerate(self.words)}
        self.size = len(self.words)
        self.start = number[START]
        self.end = number[END]
        self.of_domain = np.array([number[word] for word in domain.words])
        self.in_domain = np.full(self.size, -1)
        self.in_domain[self.of_domain] = np.arange(len(domain.words))
        lacking = self.size - len(general.words)
        self.general_prob = np.append(general.prob, np.full(lacking, NEVER))
        self.general_backoff = np.append(general.backoff, np.zeros(lacking))
        self.general_key = general.pair_word * self.size + general.pair_before

    def mix(self) -> TrieModel:
        prob = self._singles()
        pairs = self._pairs()
        triple_key, triple_prob = self._triples(pairs)
        triple_pair, triple_first = np.divmod(triple_key, self.size)
        history = pairs.before[triple_pair] * self.size + triple_first
        backoff = _backoffs(pairs.before, pairs.prob, prob[pairs.word], self.size)
        pair_backoff = _backoffs(
            _rows(pairs.key, history), triple_prob, pairs.prob[triple_pair], len(pairs.key)
        )
        return TrieModel(
            self.words,
            np.log(prob),
            backoff,
            pairs.word,
            pairs.before,
            np.log(pairs.prob),
            pair_backoff,
            triple_pair,
            triple_first,
            np.log(triple_prob),
        )

    def _singles(self) -> Floats:
        prob: Floats = (1 - self.weight) * np.exp(self.general_prob)
        share = self.domain.share.copy()
        share[list(self.domain.words).index(START)] = 0.0
        prob[self.of_domain] += self.weight * share
        return prob

    def _pairs(self) -> _Pairs:
        seen = self.of_domain[self.domain.seen_pairs]
        key = _union(self.general_key, seen[:, 1] * self.size + seen[:, 0])
        word, before = np.divmod(key, self.size)
        general = self._general_pairs(key)
        weight = self._weights(self.domain.share, np.exp(self.general_prob))[before]
        first, second = self.in_domain[before], self.in_domain[word]
        theirs = np.where((first >= 0) & (second >= 0), self.domain.pair[first, second], 0.0)
        return _Pairs(key, word, before, general, weight * theirs + (1 - weight) * np.exp(general))

    def _weights(self, share: Floats, general_share: Floats) -> Floats:
        """The domain's weight after each word; that of a sentence's start is the weight itself."""
        theirs = np.zeros(self.size)
        theirs[self.of_domain] = self.weight * share
        ours = (1 - self.weight) * general_share
        ours[self.start] = 1 - self.weight
        return theirs / np.maximum(theirs + ours, 1e-300)

    def _general_pairs(self, key: Ints) -> Floats:
        """The general model's logarithm of each pair, from the pair itself or by backing off."""
        word, before = np.divmod(key, self.size)
        row = _rows(self.general_key, key)
        stored = np.append(self.general.pair_prob, 0.0)[row]
        return np.where(row >= 0, stored, self.general_backoff[before] + self.general_prob[word])

    def _triples(self, pairs: _Pairs) -> tuple[Ints, Floats]:
        """Keys (row of the last two words, word before) and probabilities of all triples."""
        given = self.general
        mine = _rows(pairs.key, self.general_key)[given.triple_pair] * self.size + given.triple_first
        u, h, w = self.of_domain[self.domain.triples].T
        theirs = _rows(pairs.key, w * self.size + h) * self.size + u
        key = _union(mine, theirs)
        row = _rows(mine, key)
        pair, first = np.divmod(key, self.size)
        history = pairs.before[pair] * self.size + first
        lower = np.append(given.pair_backoff, 0.0)[_rows(self.general_key, history)] + pairs.general[pair]
        general = np.where(row >= 0, np.append(given.triple_prob, 0.0)[row], lower)
        prob = np.exp(general)
        changed = np.flatnonzero(self._is_domain_history(history))
        weight, domain = self._domain_triples(history[changed], pairs.word[pair[changed]])
        prob[changed] = weight * domain + (1 - weight) * prob[changed]
        return key, prob

    def _is_domain_history(self, history: Ints) -> NDArray[np.bool_]:
        before, first = np.divmod(history, self.size)
        a, b = self.in_domain[first], self.in_domain[before]
        return np.asarray((a >= 0) & (b >= 0) & (self.domain.pair_share[a, b] > 0))

    def _domain_triples(self, history: Ints, word: Ints) -> tuple[Floats, Floats]:
        """Weight of the domain after each history, and its probability of the word."""
        before, first = np.divmod(history, self.size)
        u, h, w = self.in_domain[first], self.in_domain[before], self.in_domain[word]
        theirs = self.weight * self.domain.pair_share[u, h]
        start = np.where(first == self.start, 0.0, self.general_prob[first])
        ours = (1 - self.weight) * np.exp(start + self._general_pairs(history))
        return theirs / (theirs + ours), np.where(w >= 0, self._smoothed(u, h, w), 0.0)

    def _smoothed(self, u: Ints, h: Ints, w: Ints) -> Floats:
        """The domain's probability of w after (u, h): its own if seen, else the pair's times what is
        left."""
        size = len(self.domain.words)
        key = self.domain.triples @ np.array([size * size, size, 1])
        row = _rows(key, (u * size + h) * size + w)
        seen = np.append(self.domain.triple, 0.0)[row]
        context = self.domain.triples[:, 0] * size + self.domain.triples[:, 1]
        lower = self.domain.pair[self.domain.triples[:, 1], self.domain.triples[:, 2]]
        left = _remaining(context, self.domain.triple, lower, u * size + h)
        return np.where(row >= 0, seen, left * self.domain.pair[h, w])


def _remaining(context: Ints, prob: Floats, lower: Floats, wanted: Ints) -> Floats:
    """For each wanted context: mass left by its seen words over the mass these have in the lower order."""
    contexts, index = np.unique(context, return_inverse=True)
    left = (1 - np.bincount(index, prob)) / np.maximum(1 - np.bincount(index, lower), 1e-9)
    return left[np.searchsorted(contexts, wanted)]


def _union(keys: Ints, more: Ints) -> Ints:
    """The sorted keys with those of `more` that they lack (few: NumPy's own union hashes all of them)."""
    lacking = np.sort(more[_rows(keys, more) < 0])
    return np.insert(keys, np.searchsorted(keys, lacking), lacking)


def _rows(keys: Ints, wanted: Ints) -> Ints:
    """Where each wanted number stands in the sorted keys; -1 where it does not."""
    row = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[row] == wanted, row, -1)


def _backoffs(history: Ints, prob: Floats, lower: Floats, size: int) -> Floats:
    """The logarithm that makes each of `size` histories add up to one; 0 for those without n-grams."""
    is_known = history >= 0
    stored = np.bincount(history[is_known], prob[is_known], size)
    below = np.bincount(history[is_known], lower[is_known], size)
    left = np.maximum(1 - stored, MIN_MASS) / np.maximum(1 - below, MIN_MASS)
    return np.where(stored > 0, np.log(left), 0.0)
