"""The models on this machine: one folder each, whole or not there at all.

models/ID/                 the files as their source lays them out
models/ID/.sottovoce.json  the manifest, written last: without it the folder holds no model
models/.partial/ID/        a download in progress
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sottovoce.errors import ConfigError, NotFoundError
from sottovoce.models.entry import ID, ModelEntry
from sottovoce.models.installed import InstalledModel

MODELS_FOLDER = "models"
PARTIAL_FOLDER = ".partial"
MANIFEST_FILE = ".sottovoce.json"


class StoredFile(BaseModel):
    """One file of a model: `mtime_ns` is its time of change when its `sha256` was last found right."""

    model_config = ConfigDict(frozen=True)

    size_bytes: int
    sha256: str
    mtime_ns: int


class Manifest(BaseModel):
    """What a model's folder holds: `files` by their path below it, with slashes."""

    model_config = ConfigDict(frozen=True)

    entry: ModelEntry
    revision: str | None = None
    files: dict[str, StoredFile]


class Store:
    """The models below `home`."""

    def __init__(self, home: Path) -> None:
        self._root = home / MODELS_FOLDER

    @property
    def root(self) -> Path:
        return self._root

    def folder(self, id: str) -> Path:  # noqa: A002  what a model's name is called everywhere
        """Where the model lies, or would."""
        return self._root / _checked(id)

    def partial(self, id: str) -> Path:  # noqa: A002
        """Where its download lies until it is whole."""
        return self._root / PARTIAL_FOLDER / _checked(id)

    def manifest(self, id: str) -> Manifest | None:  # noqa: A002
        """What the model's folder holds; None where it is not whole."""
        try:
            return Manifest.model_validate_json((self.folder(id) / MANIFEST_FILE).read_bytes())
        except (OSError, ValidationError):
            return None

    def installed(self, entry: ModelEntry) -> InstalledModel | None:
        """The model if it is here, whole."""
        manifest = self.manifest(entry.id)
        return None if manifest is None else InstalledModel(entry=entry, path=self._path(manifest))

    def all(self) -> Iterator[Manifest]:
        """Every model that is here, whole, by id."""
        if not self._root.is_dir():
            return
        for folder in sorted(self._root.iterdir()):
            if ID.fullmatch(folder.name) and (manifest := self.manifest(folder.name)) is not None:
                yield manifest

    def commit(self, entry: ModelEntry, revision: str | None, files: Mapping[str, str]) -> InstalledModel:
        """Make the download of `entry` its model: `files` are its files, verified, with their SHA-256.

        One rename, so that it is there whole or not at all; a model that was there goes.
        Raises `OSError`, and `NotFoundError` for files that are not there.
        """
        partial, folder = self.partial(entry.id), self.folder(entry.id)
        stored = {name: _measured(partial, name, digest) for name, digest in files.items()}
        self._write(partial, Manifest(entry=entry, revision=revision, files=stored))
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(partial, folder)
        installed = self.installed(entry)
        assert installed is not None
        return installed

    def record(self, manifest: Manifest) -> None:
        """Replace the manifest of a model, after its files were verified anew. Raises OSError."""
        self._write(self.folder(manifest.entry.id), manifest)

    def remove(self, id: str) -> int:  # noqa: A002
        """Delete the model and its unfinished download; the bytes that this frees.

        Raises `NotFoundError` where there is neither.
        """
        folders = [each for each in (self.folder(id), self.partial(id)) if each.exists()]
        if not folders:
            raise NotFoundError(f"The model {id!r} is not on this machine.", code="model_not_found")
        freed = sum(_size(each) for each in folders)
        for each in folders:
            shutil.rmtree(each)
        return freed

    def size(self, id: str) -> int:  # noqa: A002
        """Bytes of the model's files; 0 where it is not here."""
        return _size(self.folder(id))

    def _write(self, folder: Path, manifest: Manifest) -> None:
        draft = folder / f"{MANIFEST_FILE}.new"
        draft.write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        os.replace(draft, folder / MANIFEST_FILE)

    def _path(self, manifest: Manifest) -> Path:
        """The folder, or the one file (the first, of a split one) of a language model."""
        folder = self.folder(manifest.entry.id)
        weights = sorted(name for name in manifest.files if name.endswith(".gguf"))
        return folder / weights[0] if manifest.entry.engine == "llama.cpp" and weights else folder


def _checked(id: str) -> str:  # noqa: A002
    """Ids become folder names, so none may lead elsewhere. Raises `ConfigError`."""
    if ID.fullmatch(id) is None:
        raise ConfigError(f"{id!r} is no model's id: small letters, digits, '.', '_' and '-', up to 64.")
    return id


def _measured(folder: Path, name: str, digest: str) -> StoredFile:
    try:
        facts = (folder / name).stat()
    except FileNotFoundError:
        raise NotFoundError(f"{name} is missing in the download.") from None
    return StoredFile(size_bytes=facts.st_size, sha256=digest, mtime_ns=facts.st_mtime_ns)


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
