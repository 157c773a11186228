"""The models on this machine: one folder each, whole or not there at all.

models/ID/                 the files as their source lays them out
models/ID/.sottovoce.json  the manifest: without it the folder holds no model
models/.partial/ID/        a download in progress
models/.leaving/ID/        a model that is being deleted
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError

from sottovoce.errors import ConfigError, NotFoundError
from sottovoce.models.entry import ID, ModelEntry
from sottovoce.models.installed import InstalledModel
from sottovoce.models.parts import is_later_part

MODELS_FOLDER = "models"
PARTIAL_FOLDER = ".partial"
LEAVING_FOLDER = ".leaving"
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
        """The model if it is here, whole, and from the entry's own source."""
        manifest = self.manifest(entry.id)
        if manifest is None or not _is_same_source(manifest.entry, entry):
            return None
        return InstalledModel(entry=entry, path=self._path(entry, manifest.files))

    def all(self) -> Iterator[Manifest]:
        """Every model that is here, whole, by id."""
        for id_ in _model_names(self._root):
            if (manifest := self.manifest(id_)) is not None:
                yield manifest

    def unfinished(self) -> tuple[str, ...]:
        """The ids of downloads that were begun and are not done."""
        return tuple(_model_names(self._root / PARTIAL_FOLDER))

    def commit(self, entry: ModelEntry, revision: str | None, files: Mapping[str, str]) -> InstalledModel:
        """Make the download of `entry` its model: `files` are its files, verified, with their SHA-256.

        Whatever else lies in the download goes. One rename, so that the model is there whole or not at all;
        a model that was there before makes room. Raises OSError, and `NotFoundError` for a file that is
        not there.
        """
        partial, folder = self.partial(entry.id), self.folder(entry.id)
        stored = {name: _measured(partial, name, digest) for name, digest in files.items()}
        _prune(partial, {partial / name for name in files})
        _write(partial, Manifest(entry=entry, revision=revision, files=stored))
        self._set_aside(entry.id)
        os.replace(partial, folder)
        self._clear_aside(entry.id)
        return InstalledModel(entry=entry, path=self._path(entry, files))

    def record(self, manifest: Manifest) -> None:
        """Replace the manifest of a model, after its files were verified anew. Raises OSError."""
        _write(self.folder(manifest.entry.id), manifest)

    def remove(self, id: str) -> int:  # noqa: A002
        """Delete the model and its unfinished download; the bytes that this frees.

        The model is gone at once, however long its files take. Raises `NotFoundError` where there is
        neither, and OSError.
        """
        folders = [each for each in (self.folder(id), self.partial(id)) if each.exists()]
        if not folders:
            raise NotFoundError(f"The model {id!r} is not on this machine.", code="model_not_found")
        freed = sum(_size(each) for each in folders)
        self._set_aside(id)
        self._clear_aside(id)
        if self.partial(id).exists():
            shutil.rmtree(self.partial(id))
        return freed

    def discard(self, id: str) -> int:  # noqa: A002
        """Delete the unfinished download of the model alone; the bytes that this frees. Raises OSError."""
        partial = self.partial(id)
        freed = _size(partial)
        if partial.exists():
            shutil.rmtree(partial)
        return freed

    def size(self, id: str) -> int:  # noqa: A002
        """Bytes of the model's files; 0 where it is not here."""
        return _size(self.folder(id))

    def _set_aside(self, id: str) -> None:  # noqa: A002
        """Take the model's folder out of sight in one step."""
        folder, aside = self.folder(id), self._root / LEAVING_FOLDER / id
        if folder.exists():
            if aside.exists():
                shutil.rmtree(aside)
            aside.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder, aside)

    def _clear_aside(self, id: str) -> None:  # noqa: A002
        """And whatever processes left there that were ended meanwhile."""
        leaving = self._root / LEAVING_FOLDER
        if (leaving / id).exists():
            with suppress(FileNotFoundError):  # swept away by another process
                shutil.rmtree(leaving / id)
        for other in leaving.iterdir() if leaving.exists() else ():
            shutil.rmtree(other, ignore_errors=True)

    def _path(self, entry: ModelEntry, files: Collection[str]) -> Path:
        """The folder, or the one file (the first, of a split one) of a language model."""
        folder = self.folder(entry.id)
        if entry.engine != "llama.cpp":
            return folder
        weights = sorted(name for name in files if name.endswith(".gguf"))
        first = next((name for name in weights if not is_later_part(Path(name))), None)
        return folder if first is None else folder / first


def _checked(id: str) -> str:  # noqa: A002
    """Ids become folder names, so none may lead elsewhere. Raises `ConfigError`."""
    if ID.fullmatch(id) is None:
        raise ConfigError(f"{id!r} is no model's id: small letters, digits, '.', '_' and '-', up to 64.")
    return id


def _model_names(folder: Path) -> Iterator[str]:
    try:
        found = sorted(each.name for each in folder.iterdir() if each.is_dir())
    except OSError:  # not there yet, or not ours to read: no models
        return
    yield from (name for name in found if ID.fullmatch(name) is not None)


def _is_same_source(one: ModelEntry, other: ModelEntry) -> bool:
    """Whether both are the same files: an entry may have been replaced by another of its id."""
    return one.engine == other.engine and (one.source and one.source.repo) == (
        other.source and other.source.repo
    )


def _measured(folder: Path, name: str, digest: str) -> StoredFile:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        raise ConfigError(f"{name!r} is no file of a model: it leads out of the model's folder.")
    try:
        facts = (folder / name).stat()
    except FileNotFoundError:
        raise NotFoundError(f"{name} is missing in the download.") from None
    return StoredFile(size_bytes=facts.st_size, sha256=digest, mtime_ns=facts.st_mtime_ns)


def _prune(folder: Path, kept: Collection[Path]) -> None:
    """Delete every file but those, and folders that are left empty."""
    for path in sorted(folder.rglob("*"), reverse=True):  # files before the folders they are in
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept:
            path.unlink()


def _write(folder: Path, manifest: Manifest) -> None:
    draft = folder / f"{MANIFEST_FILE}.new"
    draft.write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    os.replace(draft, folder / MANIFEST_FILE)


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
