"""The model's cache: built once, whole or not at all."""

import logging
from pathlib import Path

import pytest

from sottovoce.engines.stt import build_model
from sottovoce.engines.stt.build_model import DICTIONARY, Sources, cached, domain_sentences, unheard


def fake_build(sources: Sources, texts: list[str], folder: Path) -> None:
    (folder / DICTIONARY).write_text("\n".join(texts))


def test_it_is_built_once_for_the_same_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_model, "build", fake_build)
    first = cached(tmp_path, ["a b"])
    monkeypatch.setattr(build_model, "build", None)  # a second build would fail
    assert cached(tmp_path, ["a b"]) == first
    assert (first / DICTIONARY).read_text() == "a b"


def test_other_sentences_make_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_model, "build", fake_build)
    assert cached(tmp_path, ["a b"]) != cached(tmp_path, ["a c"])


def test_a_build_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(sources: Sources, texts: list[str], folder: Path) -> None:
        fake_build(sources, texts, folder)
        raise OSError("disk full")

    monkeypatch.setattr(build_model, "build", fail)
    with pytest.raises(OSError, match="disk full"):
        cached(tmp_path, ["a b"])
    assert list(tmp_path.iterdir()) == []


def test_the_second_of_two_builders_takes_the_first_ones_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def race(sources: Sources, texts: list[str], folder: Path) -> None:
        monkeypatch.setattr(build_model, "build", fake_build)
        cached(tmp_path, ["a b"])  # another process is first
        (folder / DICTIONARY).write_text("late")

    monkeypatch.setattr(build_model, "build", race)
    folder = cached(tmp_path, ["a b"])
    assert (folder / DICTIONARY).read_text() == "a b"
    assert list(tmp_path.iterdir()) == [folder]


def test_it_says_what_it_is_doing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(build_model, "build", fake_build)
    with caplog.at_level(logging.INFO):
        cached(tmp_path, ["a b"])
    assert "building the language model" in caplog.messages[0]


def test_every_word_of_the_dialogue_has_a_pronunciation() -> None:
    words = " ".join(domain_sentences()).split()
    assert unheard(words, Sources.of_wheel().dictionary) == []


def test_words_without_pronunciation_are_named() -> None:
    assert unheard(["hello", "sottovoce"], Sources.of_wheel().dictionary) == ["sottovoce"]
