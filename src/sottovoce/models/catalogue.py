"""Every model that can be had by name: those of the package, and the user's own from the settings."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from sottovoce.config import EngineKind, Settings
from sottovoce.errors import NotFoundError
from sottovoce.models.entry import ModelEntry

CATALOGUE_FILE = "catalogue.toml"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Models by id, in order of preference within their kind. `replaced` are packaged ids that the user's
    own entries stand in for."""

    entries: tuple[ModelEntry, ...]
    replaced: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self.entries)

    def get(self, id: str) -> ModelEntry:  # noqa: A002  what a model's name is called everywhere
        """The entry of that id. Raises `NotFoundError`, with the nearest name."""
        if (entry := self.find(id)) is not None:
            return entry
        near = difflib.get_close_matches(id, [each.id for each in self.entries], n=1)
        hint = f"Did you mean {near[0]}?" if near else "`sottovoce models list --all` shows the names."
        raise NotFoundError(f"There is no model {id!r}. {hint}", param="model", code="model_not_found")

    def find(self, id: str) -> ModelEntry | None:  # noqa: A002
        """The same, None where there is none."""
        return next((entry for entry in self.entries if entry.id == id), None)

    def of(self, kind: EngineKind) -> tuple[ModelEntry, ...]:
        return tuple(entry for entry in self.entries if entry.kind == kind)


def load_catalogue(settings: Settings) -> Catalogue:
    """The packaged models and the user's; a user's entry of the same id stands in for the packaged one."""
    own: Mapping[str, ModelEntry] = {}
    packaged = packaged_entries()
    clashes = frozenset(entry.id for entry in packaged) & own.keys()
    kept = tuple(entry for entry in packaged if entry.id not in clashes)
    return Catalogue((*own.values(), *kept), clashes)


@cache
def packaged_entries() -> tuple[ModelEntry, ...]:
    """What `catalogue.toml` holds."""
    text = files("sottovoce.models").joinpath(CATALOGUE_FILE).read_text(encoding="utf-8")
    return tuple(ModelEntry.model_validate(table) for table in tomllib.loads(text)["models"])
