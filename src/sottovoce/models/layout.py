"""Which kind of model lies in a folder, told from its files: their names, and what they say of themselves."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from sottovoce.errors import ConfigError
from sottovoce.models.entry import ModelEntry
from sottovoce.models.gguf_header import Value, read_header
from sottovoce.models.onnx_header import HeaderError, read_properties
from sottovoce.models.parts import find_parts, find_weights, is_later_part

FRAME_MS = 10
"""Feature frames of the streaming recognisers; chunks are counted in them."""

MEMORY_SHARE = {"llm": 2.0, "stt": 1.4, "tts": 2.0}
"""What a model holds while it runs, against the size of its files: estimates from models of known shape."""

NO_ANSWERS = ("clip", "bert", "nomic-bert", "jina-bert-v2", "t5encoder", "wavtokenizer-dec", "whisper")
"""Architectures of GGUF files that hold no conversation."""

TRANSDUCERS = ("EncDecRNNT", "EncDecHybridRNNT", "zipformer")
"""How the types of transducers begin, as NeMo's and icefall's exporters write them."""

MAX_SHOWN = 8
"""File names in an error message."""

KNOWN = (
    "a streaming or offline transducer (encoder, decoder and joiner .onnx, tokens.txt), Whisper (encoder and "
    "decoder .onnx, tokens.txt), Moonshine (preprocess, encode, uncached_decode and cached_decode .onnx, "
    "tokens.txt), SenseVoice (model.onnx, tokens.txt), Kokoro (model.onnx, voices.bin, tokens.txt), "
    "or one .gguf"
)

Facts = dict[str, object]


def recognise(path: Path) -> ModelEntry:
    """What the model at `path` is: a folder laid out as sherpa-onnx's archives are, or a `.gguf` file.

    Raises `ConfigError`, naming what is missing and what was found.
    """
    mode = _mode(path)
    try:
        facts = _of_folder(path) if stat.S_ISDIR(mode) else _of_file(path, mode)
        weight = _weight(path)
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror}") from error
    kind = str(facts["kind"])
    memory = int(weight * MEMORY_SHARE[kind])
    return ModelEntry.model_validate(
        {"id": _id(path), "title": path.name, "download": weight, "memory": memory, **facts}
    )


def weights_file(path: Path) -> Path:
    """The `.gguf` file at `path`, which may be its folder; of a split one the first part.

    Raises `ConfigError` where the folder holds several.
    """
    if not path.is_dir():
        return path
    several = [file for file in find_weights(path) if not is_later_part(file)]
    if len(several) > 1:
        raise _refusal(path, f"holds several models; name one: {', '.join(file.name for file in several)}")
    return several[0]


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        raise _refusal(path, "does not exist") from None
    except OSError as error:  # a loop of links, a folder that may not be entered
        raise _refusal(path, f"cannot be read: {error.strerror}") from error


def _of_file(path: Path, mode: int) -> Facts:
    if not stat.S_ISREG(mode):
        raise _refusal(path, "is neither a folder nor a file")
    if path.suffix.lower() == ".gguf":
        return _language_model(path)
    if path.suffix.lower() in (".onnx", ".bin", ".txt"):
        raise _refusal(path, f"is one file of a model: name its folder, {path.parent}")
    raise _refusal(path, "is no model: name a folder of a speech model, or a .gguf file")


def _of_folder(path: Path) -> Facts:
    parts = find_parts(path)
    if "weights" in parts:
        return _language_model(weights_file(path))
    if "voices" in parts:
        return _voice(path, parts)
    if "uncached_decoder" in parts or "cached_decoder" in parts:
        return _moonshine(path, parts)
    if "joiner" in parts:
        return _transducer(path, parts)
    if "encoder" in parts or "decoder" in parts:
        return _encoder_decoder(path, parts)
    if "model" in parts and "tokens" in parts:
        return _single_graph(path, parts)
    raise _unknown(path)


def _transducer(path: Path, parts: Mapping[str, Path]) -> Facts:
    _require(path, parts, "a transducer", "encoder", "decoder", "joiner", "tokens")
    own = _properties(parts["encoder"])
    is_nemo = own.get("model_type", "").startswith("EncDec") or "normalize_type" in own
    family = "nemo-transducer" if is_nemo else "zipformer"
    frames = own.get("chunk_shift") or own.get("decode_chunk_len")
    if frames is None:
        return {"kind": "stt", "engine": "sherpa-offline", "family": family}
    if not frames.isdigit() or int(frames) == 0:
        raise _refusal(parts["encoder"], f"has a chunk of {frames!r} frames, which is no number")
    return {"kind": "stt", "engine": "sherpa-streaming", "family": family, "chunk_ms": int(frames) * FRAME_MS}


def _encoder_decoder(path: Path, parts: Mapping[str, Path]) -> Facts:
    _require(path, parts, "Whisper (or, with a joiner, a transducer)", "encoder", "decoder", "tokens")
    own = _properties(parts["encoder"])
    if own.get("model_type", "").startswith(TRANSDUCERS):
        _require(path, parts, "a transducer", "joiner")
    if not own.get("model_type", "").startswith("whisper") and "n_text_ctx" not in own:
        raise _refusal(
            path, f"holds a model of type {own.get('model_type', 'unknown')!r}. Sottovoce runs {KNOWN}"
        )
    return {
        "kind": "stt",
        "engine": "sherpa-offline",
        "family": "whisper",
        "languages": _whisper_languages(own),
    }


def _whisper_languages(own: Mapping[str, str]) -> tuple[str, ...]:
    if own.get("is_multilingual", "0") != "1":
        return ("en",)
    return tuple(code for code in own.get("all_language_codes", "").split(",") if code)


def _moonshine(path: Path, parts: Mapping[str, Path]) -> Facts:
    needed = ("preprocessor", "encoder", "uncached_decoder", "cached_decoder", "tokens")
    _require(path, parts, "Moonshine", *needed)
    _properties(parts["encoder"])
    return {"kind": "stt", "engine": "sherpa-offline", "family": "moonshine", "languages": ("en",)}


def _single_graph(path: Path, parts: Mapping[str, Path]) -> Facts:
    own = _properties(parts["model"])
    if "sense_voice" not in own.get("model_type", ""):
        raise _refusal(
            path, f"holds a model of type {own.get('model_type', 'unknown')!r}. Sottovoce runs {KNOWN}"
        )
    languages = ("zh", "en", "ja", "ko", "yue")
    return {"kind": "stt", "engine": "sherpa-offline", "family": "sense-voice", "languages": languages}


def _voice(path: Path, parts: Mapping[str, Path]) -> Facts:
    _require(path, parts, "Kokoro", "model", "voices", "tokens")
    own = _properties(parts["model"])
    if (family := own.get("model_type", "kokoro")) != "kokoro":
        raise _refusal(path, f"holds a voice of type {family!r}; Sottovoce speaks with Kokoro alone")
    if parts["voices"].stat().st_size == 0:
        raise _refusal(parts["voices"], "is empty")
    return {"kind": "tts", "engine": "sherpa-tts", "family": "kokoro"}


def _language_model(path: Path) -> Facts:
    try:
        header = read_header(path)
    except HeaderError as error:
        raise _refusal(path, str(error)) from None
    family = str(header.get("general.architecture") or "")
    if not family or family in NO_ANSWERS or header.get("general.type", "model") != "model":
        what = family or str(header.get("general.type", "nothing named"))
        raise _refusal(path, f"is no language model that answers (it holds: {what})")
    return {
        "kind": "llm",
        "engine": "llama.cpp",
        "family": family,
        "title": str(header.get("general.name") or path.stem),
        "license": str(header.get("general.license") or ""),
        "context": _positive(header.get(f"{family}.context_length")),
    }


def _positive(value: Value) -> int | None:
    return int(value) if isinstance(value, int) and value > 0 else None


def _properties(path: Path) -> dict[str, str]:
    try:
        return read_properties(path)
    except HeaderError as error:
        raise _refusal(path, str(error)) from None


def _require(path: Path, parts: Mapping[str, Path], what: str, *needed: str) -> None:
    missing = [_file_of(part) for part in needed if part not in parts]
    if missing:
        raise _refusal(
            path, f"looks like {what} but has no {' and no '.join(missing)}. It holds {_found(path)}"
        )
    for part in needed:
        if parts[part].stat().st_size == 0:
            raise _refusal(parts[part], "is empty")


def _file_of(part: str) -> str:
    return "tokens.txt" if part == "tokens" else f"{part}.onnx"


def _unknown(path: Path) -> ConfigError:
    inner = [each.name for each in path.iterdir() if each.is_dir()]
    hint = ""
    if len(inner) == 1 and any(find_parts(path / inner[0])):
        hint = f" Did you mean {path / inner[0]}?"
    return _refusal(path, f"holds no model that Sottovoce knows: {_found(path)}.{hint} It runs {KNOWN}")


def _found(path: Path) -> str:
    names = sorted(each.name + _mark(each) for each in path.iterdir())
    more = f" and {len(names) - MAX_SHOWN} more" if len(names) > MAX_SHOWN else ""
    return ", ".join(names[:MAX_SHOWN]) + more if names else "nothing"


def _mark(path: Path) -> str:
    """Why what is there under a file's name is none."""
    try:
        return "" if path.is_file() else "/" if path.is_dir() else " (no file)"
    except OSError:  # a loop of links
        return " (no file)"


def _refusal(path: Path, message: str) -> ConfigError:
    return ConfigError(f"{path} {message}.", param="model")


def _weight(path: Path) -> int:
    files = [path] if path.is_file() else [Path(each.path) for each in os.scandir(path)]
    return sum(file.stat().st_size for file in files if file.is_file())


def _id(path: Path) -> str:
    """A name from the folder's or file's own."""
    name = path.stem if path.suffix == ".gguf" else path.name
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("._-")[:64] or "model"
