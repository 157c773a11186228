"""The files of a Kokoro archive, looked through before anything loads them.

sherpa-onnx ends the process over most of what can be wrong with them; here it is said in words instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sottovoce.errors import EngineUnavailable
from sottovoce.models.onnx_header import HeaderError, read_properties

MODELS = ("model.onnx", "model.fp16.onnx", "model.int8.onnx")
"""By preference: int8 is smaller, and no faster on most processors."""

LEXICONS = {"en-us": "lexicon-us-en.txt", "en-gb": "lexicon-gb-en.txt", "zh": "lexicon-zh.txt"}
FLOAT_BYTES = 4
MAX_SPEAKERS = 1000
"""Bounds what a damaged number could make the voices file seem to need."""

MIN_STYLE_ROWS = 200
"""A voice has a style for each length of a clause; with fewer, clauses would not fit."""


@dataclass(frozen=True, slots=True)
class KokoroFiles:
    """`alphabet` are the phonemes that the model knows, `lexicons` the files by language. `speaker_names` is
    empty where the model does not say. `style_rows` is one more than the phonemes a clause may have."""

    model: Path
    voices: Path
    tokens: Path
    alphabet: frozenset[str]
    lexicons: Mapping[str, Path]
    speakers: int
    speaker_names: tuple[str, ...]
    version: int
    style_rows: int
    sample_rate: int


def examine(folder: Path) -> KokoroFiles:
    """Raises `EngineUnavailable`, naming the file and what is wrong with it."""
    try:
        return _examined(folder)
    except OSError as error:
        raise EngineUnavailable(
            f"{error.filename or folder} cannot be read: {error.strerror}", engine="tts"
        ) from error


def _examined(folder: Path) -> KokoroFiles:
    model = _model(folder)
    voices, tokens = _there(folder / "voices.bin"), _there(folder / "tokens.txt")
    try:
        facts = read_properties(model)
    except HeaderError as error:
        raise _damaged(model, str(error)) from error
    style = [_number(model, "style_dim", part) for part in facts.get("style_dim", "").split(",")]
    if len(style) != 3 or style[0] < MIN_STYLE_ROWS or style[1] != 1 or style[2] < 1:
        raise _damaged(model, "says nothing sensible about its styles (style_dim)")
    speakers = _fact(model, facts, "n_speakers", MAX_SPEAKERS)
    _check_voices(voices, speakers * style[0] * style[2] * FLOAT_BYTES)
    _fact(model, facts, "has_espeak", 1, least=0)
    names = tuple(name for name in facts.get("speaker_names", "").split(",") if name)
    return KokoroFiles(
        model=model,
        voices=voices,
        tokens=tokens,
        alphabet=_alphabet(tokens),
        lexicons={tag: folder / name for tag, name in LEXICONS.items() if (folder / name).is_file()},
        speakers=speakers,
        speaker_names=names if len(names) == speakers else (),
        version=_number(model, "version", facts.get("version", "1")),
        style_rows=style[0],
        sample_rate=_fact(model, facts, "sample_rate", 192_000, least=8_000),
    )


def _model(folder: Path) -> Path:
    for name in MODELS:
        if (folder / name).is_file():
            return _there(folder / name)
    others = sorted(folder.glob("*.onnx"))
    if len(others) == 1:
        return _there(others[0])
    raise EngineUnavailable(f"{folder} has no model.onnx; a Kokoro archive has one.", engine="tts")


def _there(file: Path) -> Path:
    if not file.is_file():
        raise EngineUnavailable(f"{file} is missing; a Kokoro archive has it.", engine="tts")
    if file.stat().st_size == 0:
        raise _damaged(file, "is empty")
    return file


def _fact(model: Path, facts: Mapping[str, str], name: str, most: int, least: int = 1) -> int:
    value = _number(model, name, facts.get(name, ""))
    if not least <= value <= most:
        raise _damaged(model, f"gives {name} as {value}")
    return value


def _number(model: Path, name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        said = f"gives {name} as {text[:32]!r}" if text else f"does not say its {name}: it is no Kokoro model"
        raise _damaged(model, said) from None


def _check_voices(voices: Path, expected_bytes: int) -> None:
    size_bytes = voices.stat().st_size
    if size_bytes != expected_bytes:
        raise _damaged(voices, f"has {size_bytes} bytes where the model's speakers take {expected_bytes}")


def _alphabet(tokens: Path) -> frozenset[str]:
    """Every line is a symbol, which may be the space, and its number."""
    symbols = set()
    try:
        lines = tokens.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise _damaged(tokens, "is no text in UTF-8") from None
    for line in lines:
        symbol, _, number = line.rpartition(" ")
        if line.strip() and not (number.isdigit() and len(symbol) <= 1):
            raise _damaged(tokens, f"has a line that is no symbol with a number: {line[:32]!r}")
        symbols.add(symbol or " ")
    if not {" ", "."} <= symbols or len(symbols) < 30:
        raise _damaged(tokens, "is no table of phonemes")
    return frozenset(symbols)


def _damaged(file: Path, what: str) -> EngineUnavailable:
    return EngineUnavailable(f"{file} {what}. Fetch the model again.", engine="tts")
