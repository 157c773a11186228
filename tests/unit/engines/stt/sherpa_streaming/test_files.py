"""A model's files are looked at before the engine is, which would end the process over most of these."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from sottovoce.engines.stt.sherpa_streaming.files import NEMO_PROPERTIES, ModelFiles
from sottovoce.errors import EngineError
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import InstalledModel
from tests.made_models import streaming
from tests.made_models.onnx_graph import set_metadata


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return streaming.build(tmp_path / "model")


def find(folder: Path | None, *, family: str = "nemo-transducer", prefers_int8: bool = True) -> ModelFiles:
    entry = ModelEntry(id="made", kind="stt", engine="sherpa-streaming", family=family)
    return ModelFiles.find(InstalledModel(entry=entry, path=folder), prefers_int8=prefers_int8)


def fault(folder: Path | None, family: str = "nemo-transducer") -> str:
    with pytest.raises(EngineError) as caught:
        find(folder, family=family)
    assert caught.value.code == "bad_model"
    return caught.value.message


def change(path: Path, drop: str = "", **properties: str) -> None:
    """Write the graph anew without a property, or with others."""
    model = onnx.load(str(path))
    kept = {each.key: each.value for each in model.metadata_props if each.key != drop} | properties
    del model.metadata_props[:]
    set_metadata(model, kept)
    onnx.save(model, str(path))


def test_the_files_of_a_model(folder: Path) -> None:
    files = find(folder)
    assert [path.name for path in (files.encoder, files.decoder, files.joiner, files.tokens)] == [
        *("encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt")
    ]
    assert files.languages == ()


def test_eight_bits_on_a_processor_and_all_of_them_on_a_card(folder: Path) -> None:
    (folder / "encoder.int8.onnx").write_bytes((folder / "encoder.onnx").read_bytes())
    assert find(folder).encoder.name == "encoder.int8.onnx"
    assert find(folder, prefers_int8=False).encoder.name == "encoder.onnx"


def test_a_multilingual_model_tells_its_languages(tmp_path: Path) -> None:
    script = streaming.Script(phrases={"auto": "hello", "en-US": "hello"})
    files = find(streaming.build(tmp_path, script))
    assert files.languages == ("de-de", "en-gb", "en-us", "ja-jp")


@pytest.mark.parametrize("name", ["encoder.onnx", "joiner.onnx", "tokens.txt"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"has no {name.split('.')[0]}" in fault(folder)
    assert "has no folder" in fault(None)
    assert "cannot be read" in fault(folder / "nonesuch")


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx", "joiner.onnx"])
def test_a_file_that_is_cut_off_is_named(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    assert f"{name} is cut off" in fault(folder)


@pytest.mark.parametrize("name", NEMO_PROPERTIES)
def test_a_missing_property_is_named(folder: Path, name: str) -> None:
    change(folder / "encoder.onnx", drop=name)
    assert f"encoder.onnx lacks the property {name}" in fault(folder)


def test_a_property_that_is_no_number_is_named(folder: Path) -> None:
    change(folder / "encoder.onnx", vocab_size="many")
    assert "its vocab_size is no number" in fault(folder)


def test_another_family_has_another_property(folder: Path) -> None:
    for name in ("vocab_size", "model_type"):
        change(folder / "encoder.onnx", drop=name)
    assert "lacks the property model_type" in fault(folder, family="zipformer")


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        (lambda lines: lines[:-1], "lacks the token <blk>"),
        (lambda lines: lines[1:], "has 11 tokens"),
        (lambda lines: [lines[-1], *lines[:-1]], "the last of them '▁much'"),
        (lambda lines: [], "lacks the token <blk>"),
    ],
)
def test_tokens_that_are_not_the_encoders_are_refused(
    folder: Path, alter: Callable[[list[str]], list[str]], reason: str
) -> None:
    tokens = folder / "tokens.txt"
    tokens.write_text("\n".join(alter(tokens.read_text().splitlines())))
    assert reason in fault(folder)


def test_tokens_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / "tokens.txt").write_bytes(b"\xff\xfe\x00")
    assert "tokens.txt cannot be read" in fault(folder)
