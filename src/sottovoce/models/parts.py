"""The files of a model by the part they play: encoder, decoder, tokens and so on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

INT8 = ".int8"

_ONNX: Mapping[str, re.Pattern[str]] = {
    part: re.compile(pattern)
    for part, pattern in {
        "uncached_decoder": r"uncached_decode.*\.onnx",
        "cached_decoder": r"cached_decode.*\.onnx",
        "preprocessor": r"preprocess.*\.onnx",
        "encoder": r"(?:.*[-_.])?encode(?:r|\b|[-_.]).*\.onnx",
        "decoder": r"(?:.*[-_.])?decoder.*\.onnx",
        "joiner": r"(?:.*[-_.])?joiner.*\.onnx",
        "model": r"(?:.*[-_.])?model.*\.onnx",
    }.items()
}
"""The names that sherpa-onnx's archives give to graphs: "encoder.int8.onnx", "tiny.en-encoder.onnx",
"encoder-epoch-99-avg-1.onnx". The first that fits counts."""

_OTHERS: Mapping[str, re.Pattern[str]] = {
    "tokens": re.compile(r"(?:.*[-_.])?tokens\.txt"),
    "voices": re.compile(r"voices\.bin"),
    "weights": re.compile(r"(?!mmproj).*\.gguf"),
}

_LATER_PART = re.compile(r".*-(?!00001)\d{5}-of-\d{5}\.gguf")
"""Of weights that llama.cpp split: it is given the first and finds the others."""


def find_parts(folder: Path, *, prefers_int8: bool = True) -> dict[str, Path]:
    """The files right in `folder` by their part; where one is there as int8 and in full, one of them.

    Of several the shortest name counts, then the first. Raises OSError.
    """
    names = sorted(
        (path.name for path in folder.iterdir() if path.is_file()), key=lambda name: (len(name), name)
    )
    found: dict[str, list[str]] = {}
    for name in names:
        if (part := part_of(name)) is not None:
            found.setdefault(part, []).append(name)
    return {part: folder / _choose(each, prefers_int8) for part, each in found.items()}


def part_of(name: str) -> str | None:
    """Which part a file of that name plays; None for none."""
    for part, pattern in (*_ONNX.items(), *_OTHERS.items()):
        if pattern.fullmatch(name.lower()):
            return part
    return None


def find_weights(folder: Path) -> tuple[Path, ...]:
    """Every file of a language model right in `folder`. Raises OSError."""
    return tuple(sorted(path for path in folder.iterdir() if part_of(path.name) == "weights"))


def is_later_part(weights: Path) -> bool:
    """Whether the file continues another."""
    return _LATER_PART.fullmatch(weights.name.lower()) is not None


def lexicons(folder: Path) -> tuple[Path, ...]:
    """The pronunciations that a voice brings, by language: `lexicon-us-en.txt` and so on."""
    return tuple(sorted(folder.glob("lexicon*.txt")))


def _choose(names: Iterable[str], prefers_int8: bool) -> str:
    return next((name for name in names if (INT8 in name) == prefers_int8), next(iter(names)))
