from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from sottovoce.engines.tts.kokoro_files import examine
from sottovoce.errors import EngineUnavailable
from tests.made_models.kokoro import SPEAKERS, SYMBOLS, make_tone_voice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_tone_voice(tmp_path / "voice")


def test_an_archive_is_understood(folder: Path) -> None:
    files = examine(folder)
    assert files.model == folder / "model.onnx"
    assert files.alphabet == frozenset(SYMBOLS)
    assert set(files.lexicons) == {"en-us", "en-gb", "zh"}
    assert (files.speakers, files.speaker_names) == (len(SPEAKERS), SPEAKERS)
    assert (files.version, files.sample_rate, files.style_rows) == (2, 24_000, 510)


def test_the_whole_model_is_preferred_to_a_smaller_one(folder: Path) -> None:
    (folder / "model.int8.onnx").write_bytes((folder / "model.onnx").read_bytes())
    assert examine(folder).model.name == "model.onnx"
    (folder / "model.onnx").unlink()
    assert examine(folder).model.name == "model.int8.onnx"


def cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return damage


def replace(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def change(key: str, value: str) -> Callable[[Path], None]:
    """A property of the model."""

    def damage(folder: Path) -> None:
        model = onnx.load(folder / "model.onnx")
        for entry in model.metadata_props:
            if entry.key == key:
                entry.value = value
        onnx.save(model, str(folder / "model.onnx"))

    return damage


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), "has no model.onnx"),
        (lambda folder: (folder / "voices.bin").unlink(), "voices.bin is missing"),
        (lambda folder: (folder / "tokens.txt").unlink(), "tokens.txt is missing"),
        (replace("voices.bin", b""), "voices.bin is empty"),
        (cut("voices.bin"), "voices.bin has .* bytes where the model's speakers take"),
        (cut("model.onnx"), "model.onnx is cut off"),
        (replace("tokens.txt", b"a b c\n"), "a line that is no symbol"),
        (replace("tokens.txt", b"a 1\nb 2\n"), "no table of phonemes"),
        (replace("tokens.txt", b"\xff\xfe\xff 1\n"), "no text in UTF-8"),
        (change("n_speakers", "0"), "gives n_speakers as 0"),
        (change("n_speakers", "many"), "gives n_speakers as 'many'"),
        (change("sample_rate", "1"), "gives sample_rate as 1"),
        (change("style_dim", "510,256"), "nothing sensible about its styles"),
        (change("style_dim", "510,1,x"), "gives style_dim as 'x'"),
    ],
)
def test_what_is_wrong_is_said_with_the_file_and_the_cure(
    folder: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(folder)
    with pytest.raises(EngineUnavailable, match=said):
        examine(folder)


@pytest.mark.parametrize("name", ["n_speakers", "sample_rate", "style_dim", "has_espeak"])
def test_a_property_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    """sherpa-onnx would end the process."""
    folder = make_tone_voice(tmp_path / "voice", without=[name])
    with pytest.raises(EngineUnavailable, match=rf"does not say its {name}"):
        examine(folder)


def test_speakers_without_names_are_counted(tmp_path: Path) -> None:
    assert examine(make_tone_voice(tmp_path / "voice", without=["speaker_names"])).speaker_names == ()
