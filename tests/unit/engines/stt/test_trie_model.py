"""The language model's file: what is written is what pocketsphinx reads."""

import math
from pathlib import Path

import numpy as np
import pytest
from pocketsphinx import Config, LogMath, NGramModel

from sottovoce.engines.stt.trie_model import TrieModel, read, restrict, write
from sottovoce.errors import EngineUnavailable

WORDS = ["</s>", "<s>", "a", "b", "c"]


def small_model() -> TrieModel:
    """Pairs (a b), (b a), (b c); the triple (a b c)."""
    return TrieModel(
        words=list(WORDS),
        prob=np.log([0.2, 1e-30, 0.3, 0.3, 0.2]),
        backoff=np.log([1.0, 0.9, 0.5, 0.4, 1.0]),
        pair_word=np.array([2, 3, 4]),
        pair_before=np.array([3, 2, 3]),
        pair_prob=np.log([0.25, 0.5, 0.125]),
        pair_backoff=np.log([1.0, 0.75, 1.0]),
        triple_pair=np.array([2]),
        triple_first=np.array([2]),
        triple_prob=np.log([0.6]),
    )


def test_a_written_model_reads_back_the_same(tmp_path: Path) -> None:
    model = small_model()
    write(model, tmp_path / "model")
    again = read(tmp_path / "model")
    assert again.words == model.words
    for name in ("pair_word", "pair_before", "triple_pair", "triple_first"):
        assert getattr(again, name).tolist() == getattr(model, name).tolist()
    for name in ("prob", "backoff", "pair_prob", "pair_backoff", "triple_prob"):
        assert getattr(again, name) == pytest.approx(getattr(model, name), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("count", [7, 8, 9, 100])
def test_bit_fields_survive_at_every_number_of_records(tmp_path: Path, count: int) -> None:
    rng = np.random.default_rng(count)
    words = [f"w{number:03}" for number in range(count)]
    pairs = np.unique(rng.integers(0, count * count, 5 * count))
    word, before = np.divmod(pairs, count)
    model = TrieModel(
        words=words,
        prob=np.log(rng.random(count)),
        backoff=np.log(rng.random(count)),
        pair_word=word,
        pair_before=before,
        pair_prob=np.log(rng.random(len(pairs))),
        pair_backoff=np.log(rng.random(len(pairs))),
        triple_pair=np.arange(len(pairs)),
        triple_first=rng.integers(0, count, len(pairs)),
        triple_prob=np.log(rng.random(len(pairs))),
    )
    write(model, tmp_path / "model")
    again = read(tmp_path / "model")
    for name in ("pair_word", "pair_before", "triple_pair", "triple_first"):
        assert getattr(again, name).tolist() == getattr(model, name).tolist()
    assert again.triple_prob == pytest.approx(model.triple_prob, abs=1e-3)


@pytest.mark.parametrize(
    ("words", "probability"),
    [
        (["a"], 0.3),
        (["b", "a"], 0.5),
        (["c", "a"], 0.5 * 0.2),  # backs off
        (["c", "b", "a"], 0.6),
        (["a", "b", "a"], 0.75 * 0.25),  # backs off to the pair
    ],
)
def test_pocketsphinx_finds_the_same_probabilities(
    tmp_path: Path, words: list[str], probability: float
) -> None:
    """The library names the word first and then its history, the nearest word first."""
    write(small_model(), tmp_path / "model")
    math_of_log = LogMath()
    loaded = NGramModel(Config(), math_of_log, str(tmp_path / "model"))
    assert math_of_log.exp(loaded.prob(words)) == pytest.approx(probability, rel=5e-3)


def test_a_restricted_model_holds_only_what_is_kept() -> None:
    kept = restrict(small_model(), np.array([True, True, True, True, False]))
    assert kept.words == WORDS[:4]
    assert list(zip(kept.pair_before, kept.pair_word, strict=True)) == [(3, 2), (2, 3)]
    assert len(kept.triple_prob) == 0
    assert math.isclose(np.exp(kept.prob).sum(), 1)


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"\\data\\\nngram 1=2\n" * 10)
    with pytest.raises(EngineUnavailable, match="is no trigram model"):
        read(tmp_path / "model")
