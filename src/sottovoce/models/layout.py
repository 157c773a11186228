"""Which kind of model lies in a folder, told from its files."""

from __future__ import annotations

import re
from pathlib import Path

from sottovoce.errors import ConfigError
from sottovoce.models.entry import ModelEntry


def recognise(path: Path) -> ModelEntry:
    """What the model at `path` is: a folder laid out as sherpa-onnx's archives are, or a `.gguf` file.

    Raises `ConfigError`, naming what is missing and what was found.
    """
    facts: dict[str, object]
    if path.suffix == ".gguf" and path.is_file():
        facts = {"kind": "llm", "engine": "llama.cpp"}
    elif (path / "voices.bin").is_file():
        facts = {"kind": "tts", "engine": "sherpa-tts", "family": "kokoro"}
    elif any(path.glob("*joiner*.onnx")):
        facts = {"kind": "stt", "engine": "sherpa-streaming", "family": "nemo-transducer"}
    elif any(path.glob("*decoder*.onnx")):
        facts = {"kind": "stt", "engine": "sherpa-offline", "family": "whisper"}
    else:
        raise ConfigError(f"{path} holds no model that Sottovoce knows.", param="model")
    return ModelEntry.model_validate({"id": _id(path), "title": path.name, **facts})


def _id(path: Path) -> str:
    """A name from the folder's or file's own."""
    return re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).lstrip("._-")[:64] or "model"
