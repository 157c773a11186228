"""Which models each kind should have now, the preferred one first, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sottovoce.config import ENGINE_KINDS, EngineKind, EngineSettings, Profile, Settings
from sottovoce.errors import ConfigError
from sottovoce.models.catalogue import load_catalogue
from sottovoce.models.choice import load_choice, read_choice
from sottovoce.models.entry import ModelEntry
from sottovoce.models.fit import best_set
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.machine import this_machine
from sottovoce.models.measured import read_measured
from sottovoce.models.resolve import EMBEDDED_REFERENCE, ModelMissing, resolve
from sottovoce.models.store import Store

LANGUAGES = ("en",)
"""What a set that nobody chose has to speak; the embedded engines speak the same."""

FETCHING: frozenset[Profile] = frozenset({"local", "whisper"})
"""The profiles that fetch what they lack."""


@dataclass(frozen=True, slots=True)
class External:
    """An engine elsewhere, by URL."""

    kind: EngineKind
    settings: EngineSettings


Link: TypeAlias = InstalledModel | External
"""One engine of a chain."""


@dataclass(slots=True)
class _Draft:
    """A chain while it is put together."""

    links: list[Link] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    missing: list[ModelEntry] = field(default_factory=list)

    def add(self, link: Link) -> None:
        """At the end, once."""
        if not any(_is_same(link, each) for each in self.links):
            self.links.append(link)

    @property
    def has_real_model(self) -> bool:
        return any(isinstance(link, InstalledModel) and link.path is not None for link in self.links)


def plan(
    settings: Settings, chosen: Mapping[EngineKind, InstalledModel] | None = None
) -> dict[EngineKind, tuple[Link, ...]]:
    """The chain of each kind by settings, profile, choice and what is on disk; never empty.

    `chosen` models stand in for the choice that is written down. Raises `ConfigError` for settings that
    contradict each other or name no model.
    """
    instead = chosen or {}
    return {kind: tuple(_draft(kind, settings, instead.get(kind)).links) for kind in ENGINE_KINDS}


def troubles(settings: Settings) -> dict[EngineKind, str]:
    """Why a kind does not have what was set or chosen for it, in words; kinds that have are left out.

    Never raises: it is asked while a server runs, whose folders may have gone meanwhile.
    """
    found = {kind: _trouble(kind, settings) for kind in ENGINE_KINDS}
    return {kind: trouble for kind, trouble in found.items() if trouble}


def missing(settings: Settings) -> tuple[ModelEntry, ...]:
    """What has to be fetched before `settings` are met: models that a setting names and, under the profiles
    `local` and `whisper`, the set that suits this machine. Raises `ConfigError` as `plan` does."""
    drafts = {kind: _draft(kind, settings) for kind in ENGINE_KINDS}
    named = [entry for draft in drafts.values() for entry in draft.missing]
    bare = {kind for kind, draft in drafts.items() if _wants_model(kind, draft, settings)}
    return tuple({entry.id: entry for entry in [*named, *_suiting(bare, settings)]}.values())


def in_use(settings: Settings) -> dict[str, EngineKind]:
    """The ids of models on this machine that a chain holds. Raises `ConfigError` as `plan` does."""
    chains = plan(settings)
    return {
        link.id: kind
        for kind, links in chains.items()
        for link in links
        if isinstance(link, InstalledModel) and link.path is not None
    }


def _draft(kind: EngineKind, settings: Settings, chosen: InstalledModel | None = None) -> _Draft:
    draft = _Draft()
    own = settings.engine(kind)
    if settings.profile == "embedded":
        _refuse_models(kind, own)
    if own.is_external:
        draft.add(External(kind, own))
    elif settings.profile != "embedded":
        _add_preferred(draft, kind, settings, chosen)
    if own.fallbacks is not None:
        _add_named_fallbacks(draft, kind, settings)
    else:
        _add_fallbacks(draft, kind, settings, chosen)
    if not draft.links:
        draft.add(EMBEDDED[kind])
    return draft


def _trouble(kind: EngineKind, settings: Settings) -> str:
    try:
        return " ".join(_draft(kind, settings).troubles)
    except ConfigError as error:
        return error.message


def _refuse_models(kind: EngineKind, own: EngineSettings) -> None:
    """The profile that runs nothing but embedded engines cannot be told to run others."""
    named = [own.model] if own.model and not own.is_external else []
    for reference in (*named, *(own.fallbacks or ())):
        if reference not in (EMBEDDED_REFERENCE, EMBEDDED[kind].id):
            raise ConfigError(
                "SOTTOVOCE_PROFILE=embedded runs embedded engines alone, and "
                f"{reference!r} is set for {kind}. Unset one of the two.",
                param="profile",
            )


def _add_preferred(
    draft: _Draft, kind: EngineKind, settings: Settings, instead: InstalledModel | None
) -> None:
    """What a setting names, else what was chosen, else what is there."""
    own = settings.engine(kind).model
    if own is not None:
        _add_named(draft, own, kind, settings)
        return
    if (chosen := instead or _chosen(draft, kind, settings)) is not None:
        draft.add(chosen)
    elif not draft.troubles:
        for model in _installed(kind, settings):
            draft.add(model)
            return


def _chosen(draft: _Draft, kind: EngineKind, settings: Settings) -> InstalledModel | None:
    """What was chosen on the page or by command; a choice that is gone is a trouble, never an error."""
    try:
        reference = load_choice(settings.home).get(kind)
    except ConfigError as error:
        draft.troubles.append(error.message)
        return None
    if reference is None:
        return None
    try:
        model = resolve(reference, kind, settings)
    except (ConfigError, ModelMissing) as error:
        if isinstance(error, ModelMissing) and settings.profile in FETCHING:
            draft.missing.append(error.entry)
        draft.troubles.append(f"{reference} was chosen and is not used: {error.message}")
        return None
    return model if settings.profile != "whisper" or kind != "stt" or _is_whisper(model) else None


def _add_named(draft: _Draft, reference: str, kind: EngineKind, settings: Settings) -> None:
    """A model that a setting names: one that is not here yet is a trouble, one that is nothing an error."""
    try:
        draft.add(resolve(reference, kind, settings))
    except ModelMissing as error:
        draft.missing.append(error.entry)
        draft.troubles.append(error.message)


def _add_named_fallbacks(draft: _Draft, kind: EngineKind, settings: Settings) -> None:
    for reference in settings.engine(kind).fallbacks or ():
        _add_named(draft, reference, kind, settings)


def _add_fallbacks(
    draft: _Draft, kind: EngineKind, settings: Settings, instead: InstalledModel | None
) -> None:
    """After an engine elsewhere the local model, after a recogniser Whisper, in the end the embedded one."""
    preferred = draft.links[0] if draft.links else None
    is_embedded_wanted = isinstance(preferred, InstalledModel) and preferred.path is None
    if settings.profile != "embedded" and not is_embedded_wanted:
        is_elsewhere = isinstance(preferred, External)
        if is_elsewhere and (chosen := instead or _chosen(draft, kind, settings)) is not None:
            draft.add(chosen)
        if kind == "stt":
            for whisper in (model for model in _installed(kind, settings) if _is_whisper(model)):
                draft.add(whisper)
                break
    draft.add(EMBEDDED[kind])


def _installed(kind: EngineKind, settings: Settings) -> Iterator[InstalledModel]:
    """The models of that kind on this machine, the preferred ones first."""
    store = Store(settings.home)
    for entry in load_catalogue(settings).of(kind):
        if settings.profile == "whisper" and kind == "stt" and entry.family != "whisper":
            continue
        if (model := store.installed(entry)) is not None:
            yield model


def _wants_model(kind: EngineKind, draft: _Draft, settings: Settings) -> bool:
    """Whether the profile promises a real model for the kind, and nothing says which."""
    own = settings.engine(kind)
    if draft.missing or settings.profile not in FETCHING or own.is_external or own.model is not None:
        return False
    return not draft.has_real_model and read_choice(settings.home).get(kind) not in (
        EMBEDDED_REFERENCE,
        EMBEDDED[kind].id,
    )


def _suiting(kinds: set[EngineKind], settings: Settings) -> Iterator[ModelEntry]:
    """The models of those kinds that suit this machine."""
    if not kinds:
        return
    machine, catalogue = this_machine(), load_catalogue(settings)
    measured = read_measured(settings.home, machine)
    among = [entry for entry in catalogue if entry.kind != "stt" or _may_hear(entry, settings)]
    yield from (each for each in best_set(machine, LANGUAGES, among, measured) if each.kind in kinds)


def _may_hear(entry: ModelEntry, settings: Settings) -> bool:
    if settings.profile == "whisper" and entry.family != "whisper":
        return False
    return not entry.needs.has_gpu or settings.stt.provider != "cpu"


def _is_whisper(model: InstalledModel) -> bool:
    return model.entry.family == "whisper"


def _is_same(one: Link, other: Link) -> bool:
    if isinstance(one, InstalledModel) and isinstance(other, InstalledModel):
        return (one.id, one.path) == (other.id, other.path)
    return isinstance(one, External) and isinstance(other, External)
