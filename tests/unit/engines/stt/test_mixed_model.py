"""Mixing: every distribution adds up, commands become probable, the rest is left alone."""

import numpy as np
import pytest

from sottovoce.engines.stt.domain_model import estimate
from sottovoce.engines.stt.mixed_model import mix
from sottovoce.engines.stt.trie_model import TrieModel

WORDS = ["</s>", "<s>", "dogs", "i", "like", "set"]
SENTENCES = ["set a timer", "set a timer", "i set a timer"]


def general_model() -> TrieModel:
    """Knows "i like dogs" and one triple of it, but neither "a" nor "timer"."""
    pairs = [(3, 2, 0.3), (4, 2, 0.4), (1, 3, 0.5), (3, 4, 0.4)]  # before, word
    pairs.sort(key=lambda pair: (pair[1], pair[0]))
    before, word, prob = (np.array(column) for column in zip(*pairs, strict=True))
    single = np.array([0.2, 1e-30, 0.2, 0.2, 0.2, 0.2])
    stored = np.bincount(before, prob, len(WORDS))
    lower = np.bincount(before, single[word], len(WORDS))
    like_dogs = int(np.flatnonzero((before == 4) & (word == 2))[0])
    i_like = int(np.flatnonzero((before == 3) & (word == 4))[0])
    pair_backoff = np.zeros(len(pairs))
    pair_backoff[i_like] = np.log((1 - 0.7) / (1 - 0.4))
    return TrieModel(
        words=list(WORDS),
        prob=np.log(single),
        backoff=np.log((1 - stored) / (1 - lower)),
        pair_word=word,
        pair_before=before,
        pair_prob=np.log(prob),
        pair_backoff=pair_backoff,
        triple_pair=np.array([like_dogs]),
        triple_first=np.array([3]),
        triple_prob=np.log([0.7]),
    )


def probability(model: TrieModel, *words: str) -> float:
    """Of the last word after the others, backing off as the library does."""
    *history, word = (model.words.index(text) for text in words)
    pairs = list(zip(model.pair_before.tolist(), model.pair_word.tolist(), strict=True))
    triples = list(zip(model.triple_first.tolist(), model.triple_pair.tolist(), strict=True))
    if len(history) == 2:
        pair = (history[1], word)
        if pair in pairs and (history[0], pairs.index(pair)) in triples:
            row = triples.index((history[0], pairs.index(pair)))
            return float(np.exp(model.triple_prob[row]))
        known = tuple(history) in pairs
        left = np.exp(model.pair_backoff[pairs.index((history[0], history[1]))]) if known else 1.0
        return float(left) * probability(model, *words[1:])
    if len(history) == 1:
        if (history[0], word) in pairs:
            return float(np.exp(model.pair_prob[pairs.index((history[0], word))]))
        return float(np.exp(model.backoff[history[0]])) * probability(model, words[-1])
    return float(np.exp(model.prob[word]))


@pytest.fixture
def mixed() -> TrieModel:
    return mix(general_model(), estimate(SENTENCES), 0.5)


@pytest.mark.parametrize(
    "history",
    [
        (),
        ("i",),
        ("set",),
        ("dogs",),
        ("timer",),
        ("i", "like"),
        ("set", "a"),
        ("<s>", "set"),
        ("dogs", "dogs"),
    ],
)
def test_every_distribution_adds_up_to_one(mixed: TrieModel, history: tuple[str, ...]) -> None:
    total = sum(probability(mixed, *history, word) for word in mixed.words if word != "<s>")
    assert total == pytest.approx(1, abs=2e-3)


def test_words_that_only_the_domain_knows_are_added(mixed: TrieModel) -> None:
    assert mixed.words == [*WORDS, "a", "timer"]
    assert probability(mixed, "timer") > 0.01


def test_a_command_becomes_probable(mixed: TrieModel) -> None:
    assert probability(mixed, "set", "a", "timer") > 0.7
    assert probability(mixed, "<s>", "set") > probability(general_model(), "<s>", "set")


def test_what_follows_words_outside_the_domain_stays_as_it_was(mixed: TrieModel) -> None:
    assert probability(mixed, "i", "like", "dogs") == pytest.approx(0.7)
    assert probability(mixed, "like", "dogs") == pytest.approx(0.4)


def test_a_sentence_starts_with_the_weight_given() -> None:
    light = mix(general_model(), estimate(SENTENCES), 0.1)
    heavy = mix(general_model(), estimate(SENTENCES), 0.9)
    assert probability(light, "<s>", "set") < probability(heavy, "<s>", "set")
    assert probability(light, "<s>", "i") > probability(heavy, "<s>", "i")
