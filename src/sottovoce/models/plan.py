"""Which models each kind should have now, the preferred one first."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from sottovoce.config import ENGINE_KINDS, EngineKind, EngineSettings, Settings
from sottovoce.models.choice import read_choice
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.resolve import ModelMissing, resolve


@dataclass(frozen=True, slots=True)
class External:
    """An engine elsewhere, by URL."""

    kind: EngineKind
    settings: EngineSettings


Link: TypeAlias = InstalledModel | External
"""One engine of a chain."""


def plan(settings: Settings) -> dict[EngineKind, tuple[Link, ...]]:
    """The chain of each kind by settings, profile, choice and what is on disk; never empty.

    Raises `ConfigError` for settings that name no model.
    """
    return {kind: _chain(kind, settings) for kind in ENGINE_KINDS}


def troubles(settings: Settings) -> dict[EngineKind, str]:
    """Why a kind does not have what was chosen for it, in words; kinds that have are left out."""
    return {}


def missing(settings: Settings) -> tuple[ModelEntry, ...]:
    """What has to be fetched before `settings` are met."""
    return ()


def _chain(kind: EngineKind, settings: Settings) -> tuple[Link, ...]:
    own = settings.engine(kind)
    links: list[Link] = [External(kind, own)] if own.is_external else []
    reference = None if own.is_external else own.model
    reference = reference or read_choice(settings.home).get(kind)
    if reference is not None and settings.profile != "embedded":
        with suppress(ModelMissing):
            links.append(resolve(reference, kind, settings))
    if own.fallbacks is None or not links:
        links.append(EMBEDDED[kind])
    return tuple(links)
