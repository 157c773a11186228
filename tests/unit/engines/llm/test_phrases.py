"""The sentences that the recogniser's language model is built from."""

from __future__ import annotations

import re
from pathlib import Path

import pocketsphinx
import pytest

from sottovoce.engines.llm.phrases import SLOT_NAME, examples, sentences
from sottovoce.engines.llm.slots import SLOTS
from sottovoce.engines.llm.templates import TEMPLATES


def test_sentences_are_lower_case_words() -> None:
    assert [sentence for sentence in sentences() if not re.fullmatch(r"[a-z']+( [a-z']+)*", sentence)] == []


def test_sentences_are_different_and_as_many_as_asked() -> None:
    drawn = sentences(3000)
    assert len(drawn) == len(set(drawn)) == 3000
    assert sentences(50) == drawn[:50]


def test_a_seed_decides() -> None:
    assert sentences(500, seed=1) == sentences(500, seed=1)
    assert sentences(500, seed=1) != sentences(500, seed=2)


def test_every_template_is_drawn() -> None:
    count = sum(len(templates) for templates in TEMPLATES.values())
    drawn = {intent for intent, _ in examples(count)}
    assert drawn == set(TEMPLATES)


def test_every_slot_is_used_and_known() -> None:
    templates = " ".join(template for group in TEMPLATES.values() for template in group)
    assert set(SLOT_NAME.findall(templates)) == set(SLOTS)
    assert re.findall(r"[A-Z]+", SLOT_NAME.sub("", templates)) == []


@pytest.mark.parametrize("seed", [0, 1])
def test_the_recogniser_can_pronounce_every_word(seed: int) -> None:
    path = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
    known = {line.split(maxsplit=1)[0] for line in path.read_text(encoding="utf-8").splitlines()}
    words = {word for sentence in sentences(5000, seed) for word in sentence.split()}
    assert words - known == set()
