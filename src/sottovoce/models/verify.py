"""Whether a model's files are still what they were when it was installed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sottovoce.models.store import Manifest, Store, StoredFile

HASH_CHUNK_BYTES = 1 << 20

TOUCHED = "was changed"
"""How a file is that only its time of change speaks against; it may be whole."""


@dataclass(frozen=True, slots=True)
class Digests:
    """Of one whole file, in hex: its SHA-256, and the SHA-1 by which git knows it."""

    sha256: str
    git_sha1: str


def digests(file: Path, on_bytes: Callable[[int], None] = lambda count: None) -> Digests:
    """Read `file` once from end to end; `on_bytes` hears how many more were read. Raises OSError."""
    sha256 = hashlib.sha256()
    sha1 = hashlib.sha1(b"blob %d\0" % file.stat().st_size, usedforsecurity=False)
    with file.open("rb") as content:
        while chunk := content.read(HASH_CHUNK_BYTES):
            sha256.update(chunk)
            sha1.update(chunk)
            on_bytes(len(chunk))
    return Digests(sha256.hexdigest(), sha1.hexdigest())


@dataclass(frozen=True, slots=True)
class Damage:
    """One file that is not as it should be, and how."""

    file: str
    how: str


def changed(store: Store, manifest: Manifest) -> tuple[Damage, ...]:
    """What a look at sizes and times of change tells: cheap enough before each loading.

    A file that only its time speaks against may be whole; `verify` knows.
    """
    folder = store.folder(manifest.entry.id)
    found = (_glance(folder, name, stored) for name, stored in manifest.files.items())
    return tuple(damage for damage in found if damage is not None)


def verify(
    store: Store, manifest: Manifest, on_bytes: Callable[[int], None] = lambda count: None
) -> tuple[Damage, ...]:
    """Read every file of the model and compare; nothing found means that it is whole.

    Files that are whole and whose time of change is new are remembered with it. Raises OSError.
    """
    folder = store.folder(manifest.entry.id)
    damages = {name: _read(folder, name, stored, on_bytes) for name, stored in manifest.files.items()}
    good = {name: _renewed(folder, name, manifest) for name, damage in damages.items() if damage is None}
    if any(manifest.files[name] != stored for name, stored in good.items()):
        store.record(manifest.model_copy(update={"files": {**manifest.files, **good}}))
    return tuple(damage for damage in damages.values() if damage is not None)


def _glance(folder: Path, name: str, stored: StoredFile) -> Damage | None:
    try:
        facts = (folder / name).stat()
    except OSError as error:
        return Damage(name, f"cannot be read ({error.strerror})")
    if facts.st_size != stored.size_bytes:
        return Damage(name, f"has {facts.st_size} bytes instead of {stored.size_bytes}")
    return Damage(name, TOUCHED) if facts.st_mtime_ns != stored.mtime_ns else None


def _read(folder: Path, name: str, stored: StoredFile, on_bytes: Callable[[int], None]) -> Damage | None:
    damage = _glance(folder, name, stored)
    if damage is not None and damage.how != TOUCHED:
        return damage
    if digests(folder / name, on_bytes).sha256 != stored.sha256:
        return Damage(name, "has other content than was downloaded")
    return None


def _renewed(folder: Path, name: str, manifest: Manifest) -> StoredFile:
    mtime_ns = (folder / name).stat().st_mtime_ns
    return manifest.files[name].model_copy(update={"mtime_ns": mtime_ns})


def in_words(damages: tuple[Damage, ...]) -> str:
    """For people: the first few."""
    named = [f"{damage.file} {damage.how}" for damage in damages[:3]]
    more = len(damages) - len(named)
    return "; ".join([*named, f"and {more} more"] if more else named)
