"""References: ids, folders, files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sottovoce.config import EngineKind, Settings
from sottovoce.errors import ConfigError
from sottovoce.models.catalogue import packaged_entries
from sottovoce.models.installed import EMBEDDED
from sottovoce.models.resolve import ModelDamaged, ModelMissing, find_entry, kind_of, reference_of, resolve
from tests.unit.models.model_files import NEMO_STREAMING, install, write_gguf, write_kokoro, write_transducer

VOICE = next(entry for entry in packaged_entries() if entry.id == "kokoro-v1.0")


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home)


@pytest.mark.parametrize("kind", ["stt", "llm", "tts"])
def test_embedded_names_the_embedded_one_of_each_kind(settings: Settings, kind: EngineKind) -> None:
    assert resolve("embedded", kind, settings) is EMBEDDED[kind]
    assert resolve(EMBEDDED[kind].id, kind, settings) is EMBEDDED[kind]
    assert reference_of(EMBEDDED[kind], settings) == "embedded"
    assert kind_of(EMBEDDED[kind].id, settings) == kind


def test_an_id_names_the_model_once_it_is_here(settings: Settings) -> None:
    with pytest.raises(ModelMissing, match=r"sottovoce models pull kokoro-v1\.0") as refusal:
        resolve("kokoro-v1.0", "tts", settings)
    assert refusal.value.entry == VOICE
    model = install(settings.home, VOICE)
    assert resolve("kokoro-v1.0", "tts", settings) == model
    assert reference_of(model, settings) == "kokoro-v1.0"
    assert kind_of("kokoro-v1.0", settings) == "tts"


@pytest.mark.parametrize("damage", [b"", b"longer than it was"])
def test_a_model_whose_files_were_changed_in_size_has_to_be_fetched_again(
    settings: Settings, damage: bytes
) -> None:
    model = install(settings.home, VOICE, {"model.onnx": b"whole"})
    assert model.path is not None
    (model.path / "model.onnx").write_bytes(damage)
    with pytest.raises(ModelDamaged, match=r"model\.onnx has \d+ bytes instead of 5"):
        resolve("kokoro-v1.0", "tts", settings)
    (model.path / "model.onnx").unlink()
    with pytest.raises(ModelMissing, match="damaged"):
        resolve("kokoro-v1.0", "tts", settings)


def test_a_file_that_was_only_touched_is_trusted(settings: Settings) -> None:
    model = install(settings.home, VOICE, {"model.onnx": b"whole"})
    assert model.path is not None
    os.utime(model.path / "model.onnx")
    assert resolve("kokoro-v1.0", "tts", settings) == model


def test_folders_and_files_are_found_from_anywhere(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_transducer(tmp_path / "nemotron", NEMO_STREAMING)
    file = write_gguf(tmp_path / "mind" / "m.gguf")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for reference in (str(folder), "nemotron", "./nemotron", "mind/../nemotron", "~/nemotron", "nemotron/"):
        model = resolve(reference, "stt", settings)
        assert (model.path, model.entry.chunk_ms) == (folder, 560)
    for reference in (str(file), "mind/m.gguf", "~/mind/m.gguf", str(file.parent)):
        model = resolve(reference, "llm", settings)
        assert (model.path, model.entry.family) == (file, "qwen3")
    assert reference_of(model, settings) == str(file)
    assert kind_of("mind/m.gguf", settings) == "llm"


def test_an_id_wins_over_a_folder_of_its_name(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_kokoro(tmp_path / "kokoro-v1.0")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelMissing):
        resolve("kokoro-v1.0", "tts", settings)
    assert resolve("./kokoro-v1.0", "tts", settings).path == tmp_path / "kokoro-v1.0"


def test_a_model_that_left_the_catalogue_is_still_here(settings: Settings) -> None:
    gone = VOICE.model_copy(update={"id": "kokoro-v0.5"})
    model = install(settings.home, gone)
    assert resolve("kokoro-v0.5", "tts", settings) == model
    assert find_entry("kokoro-v0.5", settings) == gone


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("kokorro-v1.0", r"neither a model's name nor a file or folder\. Did you mean kokoro-v1\.0"),
        ("zzz", "models list"),
        ("/no/such/folder", "There is no file or folder '/no/such/folder'"),
        ("gone.gguf", "no file or folder"),
        ("~nobody-of-this-name/x", "no file or folder"),
        ("a\0b", "neither a model's name"),
        ("", "neither a model's name"),
        ("x" * 5000, "neither a model's name"),
    ],
)
def test_what_is_nothing_is_refused(settings: Settings, reference: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve(reference, "tts", settings)


def test_a_model_of_another_kind_is_refused(settings: Settings, tmp_path: Path) -> None:
    for reference in ("whisper-base", str(write_gguf(tmp_path / "m.gguf")), "pocketsphinx"):
        with pytest.raises(ConfigError, match=r"not for speech \(tts\)"):
            resolve(reference, "tts", settings)
