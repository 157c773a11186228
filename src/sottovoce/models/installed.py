"""A model that is on this machine, whole and ready to be loaded."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from sottovoce.models.entry import ModelEntry


class InstalledModel(BaseModel):
    """`path` is the folder of its files, or the one file of a language model (`.gguf`); None for those that
    come with the installation. A parent hands it to an engine service as JSON."""

    model_config = ConfigDict(frozen=True)

    entry: ModelEntry
    path: Path | None = None

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def size_bytes(self) -> int:
        """Of all its files on disk."""
        if self.path is None:
            return 0
        files = [self.path] if self.path.is_file() else self.path.rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file())


def _embedded(name: str, kind: str, engine: str, **facts: object) -> InstalledModel:
    entry = {"id": name, "kind": kind, "engine": engine, "is_embedded": True, **facts}
    return InstalledModel(entry=ModelEntry.model_validate(entry))


EMBEDDED = {
    model.entry.kind: model
    for model in (
        _embedded(
            "pocketsphinx", "stt", "pocketsphinx", title="pocketsphinx", languages=("en",), license="BSD"
        ),
        _embedded("sottovoce-rules", "llm", "rules", title="Rules", languages=("en",), license="Apache-2.0"),
        _embedded("espeak-ng", "tts", "espeak-ng", title="eSpeak NG", license="GPL-3.0-or-later"),
    )
}
"""What needs no download, by kind."""
