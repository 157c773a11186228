"""The choice of models, remembered."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from sottovoce.errors import ConfigError
from sottovoce.models.choice import choice_file, load_choice, read_choice, write_choice


def test_a_choice_is_kept_changed_and_forgotten(tmp_path: Path) -> None:
    assert read_choice(tmp_path) == {}
    write_choice(tmp_path, "tts", "kokoro-v1.0")
    write_choice(tmp_path, "llm", "/models/größer.gguf")
    write_choice(tmp_path, "tts", "embedded")
    assert read_choice(tmp_path) == {"llm": "/models/größer.gguf", "tts": "embedded"}
    write_choice(tmp_path, "tts", None)
    assert read_choice(tmp_path) == {"llm": "/models/größer.gguf"}
    assert [path.name for path in choice_file(tmp_path).parent.iterdir()] == ["choice.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'"stt"', b" " * (1 << 17)])
def test_a_broken_file_counts_as_none_and_is_told(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = choice_file(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert read_choice(tmp_path) == {}
    assert "choice.json" in caplog.text
    with pytest.raises(ConfigError, match="no choice"):
        load_choice(tmp_path)
    write_choice(tmp_path, "stt", "embedded")
    assert load_choice(tmp_path) == {"stt": "embedded"}


def test_what_is_no_reference_is_left_out(tmp_path: Path) -> None:
    choice_file(tmp_path).parent.mkdir(parents=True)
    choice_file(tmp_path).write_text('{"stt": 1, "llm": null, "tts": "", "vad": "x", "extra": {}}')
    assert read_choice(tmp_path) == {}


def test_a_folder_in_its_place_counts_as_none(tmp_path: Path) -> None:
    choice_file(tmp_path).mkdir(parents=True)
    assert read_choice(tmp_path) == {}
