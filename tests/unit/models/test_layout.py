"""Models told from their files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sottovoce.errors import ConfigError
from sottovoce.models.layout import recognise, weights_file
from sottovoce.models.parts import find_parts
from tests.unit.models.model_files import (
    KOKORO,
    NEMO_OFFLINE,
    NEMO_STREAMING,
    WHISPER,
    ZIPFORMER,
    Metadata,
    write_gguf,
    write_kokoro,
    write_moonshine,
    write_onnx,
    write_transducer,
    write_whisper,
)


def sense_voice(folder: Path) -> Path:
    write_onnx(folder / "model.int8.onnx", {"model_type": "sense_voice_ctc"})
    (folder / "tokens.txt").write_text("a 0\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("write", "kind", "engine", "family", "chunk_ms"),
    [
        (lambda at: write_transducer(at, NEMO_STREAMING), "stt", "sherpa-streaming", "nemo-transducer", 560),
        (
            lambda at: write_transducer(at, ZIPFORMER, "-epoch-9.int8"),
            "stt",
            "sherpa-streaming",
            "zipformer",
            320,
        ),
        (
            lambda at: write_transducer(at, NEMO_OFFLINE, ".int8"),
            "stt",
            "sherpa-offline",
            "nemo-transducer",
            None,
        ),
        (write_whisper, "stt", "sherpa-offline", "whisper", None),
        (lambda at: write_whisper(at, ""), "stt", "sherpa-offline", "whisper", None),
        (write_moonshine, "stt", "sherpa-offline", "moonshine", None),
        (sense_voice, "stt", "sherpa-offline", "sense-voice", None),
        (write_kokoro, "tts", "sherpa-tts", "kokoro", None),
        (lambda at: write_gguf(at / "tiny.gguf"), "llm", "llama.cpp", "qwen3", None),
    ],
)
def test_each_family_is_recognised(
    tmp_path: Path,
    write: Callable[[Path], Path],
    kind: str,
    engine: str,
    family: str,
    chunk_ms: int | None,
) -> None:
    entry = recognise(write(tmp_path / "Some Model_v1"))
    assert (entry.kind, entry.engine, entry.family, entry.chunk_ms) == (kind, engine, family, chunk_ms)
    assert entry.download > 0
    assert entry.memory > entry.download


def test_the_name_comes_from_the_folder(tmp_path: Path) -> None:
    entry = recognise(write_kokoro(tmp_path / "Mine (v1.0), älter"))
    assert entry.id == "mine-v1.0-lter"
    assert entry.title == "Mine (v1.0), älter"


def test_languages_come_from_whisper_itself(tmp_path: Path) -> None:
    assert recognise(write_whisper(tmp_path / "many")).languages == ("en", "zh", "de")
    english = write_whisper(tmp_path / "one", metadata={**WHISPER, "is_multilingual": 0})
    assert recognise(english).languages == ("en",)


def test_a_language_model_says_who_it_is(tmp_path: Path) -> None:
    entry = recognise(write_gguf(tmp_path / "file.gguf"))
    assert (entry.title, entry.license, entry.context) == ("Tiny", "apache-2.0", 4096)


def test_split_weights_are_named_by_their_first_part(tmp_path: Path) -> None:
    for number in (1, 2):
        write_gguf(tmp_path / f"big-0000{number}-of-00002.gguf")
    (tmp_path / "mmproj-big.gguf").write_bytes(b"another matter")
    assert weights_file(tmp_path).name == "big-00001-of-00002.gguf"
    assert recognise(tmp_path).family == "qwen3"


def test_the_smaller_precision_is_taken_where_there_are_two(tmp_path: Path) -> None:
    write_transducer(tmp_path, NEMO_STREAMING)
    write_transducer(tmp_path, NEMO_STREAMING, ".int8")
    assert find_parts(tmp_path)["encoder"].name == "encoder.int8.onnx"
    assert find_parts(tmp_path, prefers_int8=False)["encoder"].name == "encoder.onnx"


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as refusal:
        recognise(path)
    assert refusal.value.param == "model"
    return refusal.value.message


def test_what_is_missing_is_named_with_what_was_found(tmp_path: Path) -> None:
    folder = write_transducer(tmp_path / "m", NEMO_STREAMING)
    (folder / "tokens.txt").unlink()
    (folder / "decoder.onnx").unlink()
    message = refused(folder)
    assert "no decoder.onnx and no tokens.txt" in message
    assert "encoder.onnx, joiner.onnx" in message


@pytest.mark.parametrize("metadata", [NEMO_OFFLINE, ZIPFORMER])
def test_a_transducer_without_its_joiner_is_still_one(tmp_path: Path, metadata: Metadata) -> None:
    folder = write_transducer(tmp_path / "m", metadata)
    (folder / "joiner.onnx").unlink()
    assert "looks like a transducer but has no joiner.onnx" in refused(folder)


def test_what_has_a_file_s_name_and_is_none_is_shown_so(tmp_path: Path) -> None:
    folder = write_transducer(tmp_path / "m", NEMO_STREAMING)
    for name in ("encoder.onnx", "tokens.txt", "decoder.onnx"):
        (folder / name).unlink()
    (folder / "encoder.onnx").mkdir()
    (folder / "tokens.txt").symlink_to("tokens.txt")
    os.mkfifo(folder / "decoder.onnx")
    assert "It holds decoder.onnx (no file), encoder.onnx/, joiner.onnx, tokens.txt (no file)" in refused(
        folder
    )


@pytest.mark.parametrize("name", ["model.onnx", "tokens.txt"])
def test_a_voice_needs_all_its_files(tmp_path: Path, name: str) -> None:
    folder = write_kokoro(tmp_path / "m")
    (folder / name).unlink()
    assert f"no {name}" in refused(folder)


@pytest.mark.parametrize("name", ["encoder.onnx", "joiner.onnx", "tokens.txt"])
def test_empty_files_are_refused(tmp_path: Path, name: str) -> None:
    folder = write_transducer(tmp_path / "m", NEMO_STREAMING)
    (folder / name).write_bytes(b"")
    assert f"{name} is empty" in refused(folder)


def test_a_truncated_graph_is_refused(tmp_path: Path) -> None:
    folder = write_transducer(tmp_path / "m", NEMO_STREAMING)
    encoder = folder / "encoder.onnx"
    encoder.write_bytes(encoder.read_bytes()[:-5])
    assert "encoder.onnx is cut off" in refused(folder)


def test_a_chunk_that_is_no_number_is_refused(tmp_path: Path) -> None:
    folder = write_transducer(tmp_path / "m", {**NEMO_STREAMING, "chunk_shift": "many"})
    assert "'many' frames" in refused(folder)


def test_models_of_other_kinds_are_named(tmp_path: Path) -> None:
    canary = write_whisper(tmp_path / "canary", metadata={"model_type": "EncDecMultiTaskModel"})
    assert "EncDecMultiTaskModel" in refused(canary)
    kitten = write_kokoro(tmp_path / "kitten", {**KOKORO, "model_type": "kitten"})
    assert "'kitten'" in refused(kitten)
    assert "no language model that answers" in refused(write_gguf(tmp_path / "sight.gguf", "clip"))


def test_several_language_models_in_one_folder_have_to_be_told_apart(tmp_path: Path) -> None:
    write_gguf(tmp_path / "one.gguf")
    write_gguf(tmp_path / "two.gguf")
    assert "one.gguf, two.gguf" in refused(tmp_path)


def test_a_folder_around_the_model_is_answered_with_the_inner_one(tmp_path: Path) -> None:
    inner = write_kokoro(tmp_path / "kokoro-multi-lang-v1_0")
    assert f"Did you mean {inner}?" in refused(tmp_path)


def test_a_file_of_a_model_is_answered_with_its_folder(tmp_path: Path) -> None:
    folder = write_kokoro(tmp_path / "m")
    assert f"name its folder, {folder}" in refused(folder / "model.onnx")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"<html>not found</html>", "is no GGUF file"),
        (b"GGUF", "is cut off"),
        (b"GGUF\x01\0\0\0" + b"\0" * 16, "version 1"),
        (b"GGUF\x03\0\0\0" + b"\0" * 8 + b"\xff" * 8, "is damaged"),
        (b"GGUF\x03\0\0\0" + b"\0" * 8 + b"\x01" + b"\0" * 7 + b"\xff" * 8, "is cut off"),
    ],
)
def test_damaged_language_models_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    assert message in refused(path)


def test_a_language_model_cut_anywhere_in_its_header_is_refused(tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "whole.gguf").read_bytes()
    path = tmp_path / "cut.gguf"
    header_bytes = len(whole.rstrip(b"\0"))  # padding follows
    for length in range(1, header_bytes - 8, 3):
        path.write_bytes(whole[:length])
        assert "is cut off" in refused(path) or "no GGUF" in refused(path)


def test_nothing_and_no_model_at_all(tmp_path: Path) -> None:
    assert "holds no model" in refused(tmp_path)
    assert "nothing" in refused(tmp_path)
    assert "does not exist" in refused(tmp_path / "nowhere")
    (tmp_path / "notes.md").write_text("hello")
    assert "is no model" in refused(tmp_path / "notes.md")
    assert "holds no model" in refused(tmp_path)


def test_a_loop_of_links_and_a_socket_are_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "cannot be read" in refused(loop)
    os.mkfifo(tmp_path / "pipe.gguf")
    assert "neither a folder nor a file" in refused(tmp_path / "pipe.gguf")


def test_an_unreadable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_kokoro(tmp_path / "m")

    def fail(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", fail)
    assert "cannot be read: Permission denied" in refused(folder)
