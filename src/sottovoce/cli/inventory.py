"""What `models list` and `doctor` tell of each model: whether it is here, whole, in use, and fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sottovoce.config import ENGINE_KINDS, EngineKind, Settings
from sottovoce.models.catalogue import load_catalogue
from sottovoce.models.entry import ModelEntry
from sottovoce.models.fit import Fit, fit
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.machine import this_machine
from sottovoce.models.measured import Measured, read_measured
from sottovoce.models.plan import Link, plan
from sottovoce.models.store import Store
from sottovoce.models.unfinished import unfinished
from sottovoce.models.verify import changed, in_words

Presence: TypeAlias = Literal["embedded", "here", "changed", "unfinished", "absent"]
"""changed: the files are not as they were downloaded. unfinished: a part of them is here."""

Role: TypeAlias = Literal["in use", "fallback", ""]


@dataclass(frozen=True, slots=True)
class Item:
    """One model. `detail` says more of its presence; `size_bytes` is what it takes on disk, or would."""

    entry: ModelEntry
    presence: Presence
    role: Role
    fit: Fit
    size_bytes: int
    detail: str = ""
    path: str | None = None
    measured: Measured | None = None

    @property
    def is_here(self) -> bool:
        return self.presence in ("embedded", "here", "changed")

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            **self.entry.model_dump(mode="json", exclude={"is_embedded"}),
            "state": self.presence,
            "detail": self.detail,
            "role": self.role or None,
            "size_bytes": self.size_bytes,
            "path": self.path,
            "fit": {"verdict": self.fit.verdict, "reason": self.fit.reason, "smaller": self.fit.smaller},
            "measured": self.measured and self.measured.model_dump(mode="json", exclude={"model", "machine"}),
        }


def inventory(settings: Settings) -> tuple[Item, ...]:
    """Every model of the catalogue, on this machine or in use: by kind, the preferred ones first.

    Raises `ConfigError`.
    """
    roles, judged = _roles(settings), _judge(settings)
    store = Store(settings.home)
    items = [
        _item(entry, link, store, judged(entry), roles.get(entry.id, ""))
        for entry, link in _models(settings, store)
    ]
    return tuple(sorted(items, key=lambda item: ENGINE_KINDS.index(item.entry.kind)))


def item_of(model: InstalledModel, settings: Settings) -> Item:
    """The same of one model, which may lie anywhere. Raises `ConfigError`."""
    return _item(model.entry, model, Store(settings.home), _judge(settings)(model.entry), "")


def _judge(settings: Settings) -> Callable[[ModelEntry], tuple[Fit, Measured | None]]:
    """Tells of an entry whether it fits this machine, and what was measured."""
    machine, catalogue = this_machine(), load_catalogue(settings)
    measured = read_measured(settings.home, machine)

    def judge(entry: ModelEntry) -> tuple[Fit, Measured | None]:
        run = measured.get(entry.id)
        return fit(entry, machine, run, catalogue), run

    return judge


def _item(
    entry: ModelEntry,
    link: InstalledModel | None,
    store: Store,
    judged: tuple[Fit, Measured | None],
    role: Role,
) -> Item:
    presence, detail = _presence(entry, link, store)
    here = link or store.installed(entry)
    is_on_disk = here is not None and here.path is not None
    size = here.size_bytes if here is not None and is_on_disk else int(entry.download)
    path = str(here.path) if here is not None and is_on_disk else None
    return Item(entry, presence, role, judged[0], size, detail, path, judged[1])


def _models(settings: Settings, store: Store) -> Iterator[tuple[ModelEntry, InstalledModel | None]]:
    """Each once; with the model for those that lie elsewhere, or nowhere."""
    for model in EMBEDDED.values():
        yield model.entry, model
    known = {entry.id: entry for entry in load_catalogue(settings)}
    for manifest in store.all():
        known.setdefault(manifest.entry.id, manifest.entry)
    for entry in known.values():
        yield entry, None
    for link in _links(settings):
        if isinstance(link, InstalledModel) and link.id not in known and link.path is not None:
            yield link.entry, link


def _presence(entry: ModelEntry, link: InstalledModel | None, store: Store) -> tuple[Presence, str]:
    if entry.is_embedded:
        return "embedded", ""
    if link is not None:
        return "here", str(link.path)
    if store.installed(entry) is not None and (manifest := store.manifest(entry.id)) is not None:
        damages = changed(store, manifest)
        return ("changed", in_words(damages)) if damages else ("here", "")
    if (part := unfinished(store, entry.id)) is not None:
        return "unfinished", f"{part.bytes / max(1, part.total_bytes):.0%}"
    return "absent", ""


def _roles(settings: Settings) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for links in plan(settings).values():
        for place, link in enumerate(links):
            if isinstance(link, InstalledModel):
                roles[link.id] = "in use" if place == 0 else "fallback"
    return roles


def _links(settings: Settings) -> Iterator[Link]:
    for links in plan(settings).values():
        yield from links


def of_kind(items: tuple[Item, ...], kind: EngineKind | None) -> tuple[Item, ...]:
    return tuple(item for item in items if kind is None or item.entry.kind == kind)
