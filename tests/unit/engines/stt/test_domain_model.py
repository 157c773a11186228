"""The model of the dialogue engine's sentences."""

import numpy as np
import pytest

from sottovoce.engines.stt.domain_model import DomainModel, estimate

SENTENCES = ["set a timer", "set a timer", "set an alarm", "stop"]


@pytest.fixture
def model() -> DomainModel:
    return estimate(SENTENCES)


def number(model: DomainModel, word: str) -> int:
    return list(model.words).index(word)


def test_followers_of_every_word_add_up_to_one(model: DomainModel) -> None:
    followed = [row for row, word in enumerate(model.words) if word != "</s>"]
    assert model.pair[followed].sum(1) == pytest.approx(np.ones(len(followed)))


def test_what_was_said_more_often_is_more_probable(model: DomainModel) -> None:
    after_set = model.pair[number(model, "set")]
    assert (
        after_set[number(model, "a")] > after_set[number(model, "an")] > after_set[number(model, "stop")] > 0
    )


def test_a_seen_triple_is_more_probable_than_its_pair(model: DomainModel) -> None:
    wanted = [number(model, word) for word in ("set", "a", "timer")]
    row = model.triples.tolist().index(wanted)
    assert model.triple[row] > model.pair[wanted[1], wanted[2]]


def test_shares_count_words_and_begin_with_every_sentence(model: DomainModel) -> None:
    assert model.share[number(model, "<s>")] == 1
    assert model.share[number(model, "stop")] == pytest.approx(1 / 14)
