"""Every model that can be had by name: those of the package, and the user's own from the settings."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from sottovoce.config import EngineKind, Settings
from sottovoce.errors import ConfigError, NotFoundError
from sottovoce.models.entry import Engine, ModelEntry
from sottovoce.models.installed import EMBEDDED

CATALOGUE_FILE = "catalogue.toml"

KIND_OF: Mapping[Engine, EngineKind] = {
    "sherpa-streaming": "stt",
    "sherpa-offline": "stt",
    "llama.cpp": "llm",
    "sherpa-tts": "tts",
}
"""The engines that run downloaded models, and for what."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Models by id, the preferred ones of a kind first; the user's own come before the packaged ones.

    `replaced` are packaged ids that the user's own entries stand in for.
    """

    entries: tuple[ModelEntry, ...]
    replaced: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self.entries)

    def get(self, id: str) -> ModelEntry:  # noqa: A002  what a model's name is called everywhere
        """The entry of that id. Raises `NotFoundError`, with the nearest name."""
        if (entry := self.find(id)) is not None:
            return entry
        message = f"There is no model {id!r}. {self.hint(id)}"
        raise NotFoundError(message, param="model", code="model_not_found")

    def find(self, id: str) -> ModelEntry | None:  # noqa: A002
        """The same, None where there is none."""
        return next((entry for entry in self.entries if entry.id == id), None)

    def of(self, kind: EngineKind) -> tuple[ModelEntry, ...]:
        return tuple(entry for entry in self.entries if entry.kind == kind)

    def hint(self, id: str) -> str:  # noqa: A002
        """What whoever wrote `id` may have meant."""
        near = difflib.get_close_matches(id, [each.id for each in self.entries], n=1)
        return f"Did you mean {near[0]}?" if near else "`sottovoce models list` shows the names."


def load_catalogue(settings: Settings) -> Catalogue:
    """The packaged models and the user's; a user's entry of the same id stands in for the packaged one.

    Raises `ConfigError` for an entry of the user's that is none.
    """
    own = tuple(_own_entry(table) for table in settings.models)
    names = [entry.id for entry in own]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"[[models]]: there are two of the id {name!r}.", param="models")
    packaged = packaged_entries()
    replaced = frozenset(names) & {entry.id for entry in packaged}
    return Catalogue((*own, *(entry for entry in packaged if entry.id not in replaced)), replaced)


@cache
def packaged_entries() -> tuple[ModelEntry, ...]:
    """What `catalogue.toml` holds, with its named sets of languages filled in."""
    text = files("sottovoce.models").joinpath(CATALOGUE_FILE).read_text(encoding="utf-8")
    tree = tomllib.loads(text)
    return tuple(_entry(table, tree["languages"]) for table in tree["models"])


def _entry(table: Mapping[str, Any], sets: Mapping[str, Any]) -> ModelEntry:
    languages = table["languages"]
    return ModelEntry.model_validate(
        {**table, "languages": sets[languages] if isinstance(languages, str) else languages}
    )


def _own_entry(table: Mapping[str, Any]) -> ModelEntry:
    name = table.get("id", "without id")
    try:
        entry = ModelEntry.model_validate(table)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise ConfigError(f"[[models]] {name}: {where}: {fault['msg']}", param="models") from None
    if (fault_of_ours := _fault(entry)) is not None:
        raise ConfigError(f"[[models]] {name}: {fault_of_ours}", param="models")
    return entry


def _fault(entry: ModelEntry) -> str | None:
    """What of a user's entry is well-formed and makes no sense."""
    if entry.id in {model.id for model in EMBEDDED.values()} | {"embedded"}:
        return "the id is that of an embedded model; choose another."
    if KIND_OF.get(entry.engine) != entry.kind:
        fitting = " or ".join(f'"{engine}"' for engine, kind in KIND_OF.items() if kind == entry.kind)
        return f'the engine for kind = "{entry.kind}" is {fitting}, not "{entry.engine}".'
    if entry.source is None:
        return 'source is missing: { repo = "owner/name" }. A model that is on this machine needs no entry.'
    if entry.is_embedded:
        return "is_embedded is for models that come with the installation."
    return None
