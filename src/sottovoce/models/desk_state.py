"""What is known of each model at one moment: on the disk, on its way here, in the engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from sottovoce.config import ENGINE_KINDS, Settings
from sottovoce.models.catalogue import load_catalogue
from sottovoce.models.download_job import Progress
from sottovoce.models.engine_room import EngineModel
from sottovoce.models.entry import ModelEntry
from sottovoce.models.fit import Fit, fit
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.machine import this_machine
from sottovoce.models.measured import read_measured
from sottovoce.models.plan import plan
from sottovoce.models.store import Manifest, Store
from sottovoce.models.unfinished import Unfinished, unfinished

State: TypeAlias = Literal["absent", "downloading", "installed", "loading", "warming", "ready", "failed"]
"""installed: whole on the disk, and no engine has it. The three after it are the engines' own words."""

QUEUED = "queued"
"""The step of a download that waits for its turn."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The models that can be had or are here, as the disk shows them: `entries` by kind, embedded ones last;
    `sizes` in bytes of those that are whole."""

    entries: tuple[ModelEntry, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, Unfinished] = field(default_factory=dict)
    fits: Mapping[str, Fit] = field(default_factory=dict)

    def find(self, id: str) -> ModelEntry | None:  # noqa: A002  what a model's name is called everywhere
        return next((entry for entry in self.entries if entry.id == id), None)


@dataclass(frozen=True, slots=True)
class FileState:
    """The file that a download is at, and which of how many it is."""

    name: str
    bytes: int
    total_bytes: int
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model now. `progress` (0 to 1) is of a download or a loading; `bytes` of `total_bytes` are here,
    of a download that runs or can be gone on with; `step` says what a download is at."""

    entry: ModelEntry
    fit: Fit
    state: State
    progress: float | None = None
    bytes: int = 0
    total_bytes: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    step: str | None = None
    file: FileState | None = None
    reason: str | None = None
    in_use: bool = False
    is_installed: bool = False
    size_bytes: int = 0
    running_bytes: int | None = None
    load_seconds: float | None = None


def read_shelf(settings: Settings, others: Sequence[InstalledModel] = ()) -> Shelf:
    """Look at the disk; `others` are models in use that no catalogue names. Raises `ConfigError`."""
    catalogue, store, machine = load_catalogue(settings), Store(settings.home), this_machine()
    measured = read_measured(settings.home, machine)
    known = {entry.id: entry for entry in catalogue}
    for manifest in store.all():
        known.setdefault(manifest.entry.id, manifest.entry)
    own = {each.id: each for each in (*_planned(settings), *others) if each.path and each.path.exists()}
    for model in own.values():
        known.setdefault(model.id, model.entry)
    sizes = {manifest.entry.id: _size(manifest) for manifest in store.all()}
    parts = {name: part for name in known if (part := unfinished(store, name)) is not None}
    embedded = {model.id: model.entry for model in EMBEDDED.values()}
    return Shelf(
        entries=tuple(sorted((known | embedded).values(), key=lambda each: ENGINE_KINDS.index(each.kind))),
        sizes={**dict.fromkeys(embedded, 0), **{n: m.size_bytes for n, m in own.items()}, **sizes},
        parts=parts,
        fits={name: fit(entry, machine, measured.get(name), catalogue) for name, entry in known.items()},
    )


def _size(manifest: Manifest) -> int:
    return sum(file.size_bytes for file in manifest.files.values())


def _planned(settings: Settings) -> list[InstalledModel]:
    return [link for links in plan(settings).values() for link in links if isinstance(link, InstalledModel)]


def state_of(
    entry: ModelEntry,
    shelf: Shelf,
    engine: EngineModel | None,
    pull: Progress | None,
    *,
    is_pulled: bool,
    in_use: bool,
    failure: str | None,
) -> ModelState:
    """A download tells most, then what went wrong, then the engines, then the disk."""
    known = ModelState(
        entry,
        shelf.fits.get(entry.id, Fit("fits")),
        "installed" if entry.id in shelf.sizes else "absent",
        in_use=in_use,
        is_installed=entry.id in shelf.sizes,
        size_bytes=shelf.sizes.get(entry.id, 0),
        running_bytes=None if engine is None else engine.memory_bytes,
        load_seconds=None if engine is None else engine.load_seconds,
    )
    if (part := shelf.parts.get(entry.id)) is not None:
        known = replace(known, bytes=part.bytes, total_bytes=part.total_bytes)
    if is_pulled:
        return _pulled(known, pull)
    if failure is not None:
        return replace(known, state="failed", reason=failure)
    if engine is not None:
        return replace(known, state=engine.state, progress=engine.progress, reason=engine.reason)
    return known


def _pulled(known: ModelState, progress: Progress | None) -> ModelState:
    if progress is None:
        return replace(known, state="downloading", progress=0.0, step=QUEUED)
    return replace(
        known,
        state="downloading",
        progress=progress.fraction,
        bytes=progress.bytes,
        total_bytes=progress.total_bytes,
        rate=progress.rate,
        seconds_left=progress.seconds_left,
        step=progress.step,
        file=_file(progress),
        reason=progress.note or None,
    )


def _file(at: Progress) -> FileState | None:
    if not at.file:
        return None
    return FileState(at.file, at.file_bytes, at.file_total_bytes, at.file_number, at.file_count)
