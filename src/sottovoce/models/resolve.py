"""From what people write (a catalogue id, a folder, a `.gguf` file) to a model that can be loaded."""

from __future__ import annotations

import os
from pathlib import Path

from sottovoce.config import EngineKind, Settings
from sottovoce.errors import ConfigError, NotFoundError
from sottovoce.models.catalogue import Catalogue, load_catalogue
from sottovoce.models.entry import ID, ModelEntry
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.layout import recognise, weights_file
from sottovoce.models.store import Store
from sottovoce.models.verify import TOUCHED, changed, in_words

EMBEDDED_REFERENCE = "embedded"
"""Names the embedded model of whichever kind is asked for."""

KIND_NAMES = {"stt": "speech recognition (stt)", "llm": "answers (llm)", "tts": "speech (tts)"}


class ModelMissing(NotFoundError):  # noqa: N818  named for the situation
    """A model of the catalogue that has to be downloaded first."""

    default_code = "model_missing"

    def __init__(self, entry: ModelEntry, why: str = "is not on this machine") -> None:
        super().__init__(f"The model {entry.id} {why}. Cure: sottovoce models pull {entry.id}", param="model")
        self.entry = entry


class ModelDamaged(ModelMissing):
    """A model that is here and no longer whole: downloading it again mends it."""

    default_code = "model_damaged"


def resolve(reference: str, kind: EngineKind, settings: Settings) -> InstalledModel:
    """The model that `reference` names; a catalogue id wins over a path of the same name.

    Raises `ModelMissing` for one that has to be downloaded, `ConfigError` for what is no model of that kind.
    """
    if reference == EMBEDDED_REFERENCE:
        return EMBEDDED[kind]
    if (embedded := _embedded(reference)) is not None:
        _check_kind(reference, embedded.entry, kind)
        return embedded
    catalogue = load_catalogue(settings)
    entry = find_entry(reference, settings, catalogue)
    if entry is None:
        return _of_path(reference, kind, catalogue)
    _check_kind(reference, entry, kind)
    store = Store(settings.home)
    if (installed := store.installed(entry)) is None:
        raise ModelMissing(entry)
    _check_whole(store, entry)
    return installed


def find_entry(reference: str, settings: Settings, catalogue: Catalogue | None = None) -> ModelEntry | None:
    """The entry of an id: of the catalogue, or of a model on this machine that has left the catalogue."""
    known = (catalogue or load_catalogue(settings)).find(reference)
    if known is not None or ID.fullmatch(reference) is None:
        return known
    manifest = Store(settings.home).manifest(reference)
    return None if manifest is None else manifest.entry


def kind_of(reference: str, settings: Settings) -> EngineKind:
    """What the model that `reference` names is for. Raises `ConfigError` for what is no model."""
    catalogue = load_catalogue(settings)
    if (embedded := _embedded(reference)) is not None:
        return embedded.entry.kind
    if (entry := find_entry(reference, settings, catalogue)) is not None:
        return entry.kind
    return recognise(_path(reference, catalogue)).kind


def reference_of(model: InstalledModel, settings: Settings) -> str:
    """What names the model again, from any folder: its id, else its path."""
    if model.path is None:
        return EMBEDDED_REFERENCE
    folder = Store(settings.home).root
    return model.id if model.path.is_relative_to(folder) else str(model.path)


def _embedded(reference: str) -> InstalledModel | None:
    return next((model for model in EMBEDDED.values() if model.id == reference), None)


def _check_whole(store: Store, entry: ModelEntry) -> None:
    """A look at the files' sizes; that a file was merely touched is no damage (`models verify` knows)."""
    manifest = store.manifest(entry.id)
    seen = () if manifest is None else changed(store, manifest)
    if damages := tuple(damage for damage in seen if damage.how != TOUCHED):
        raise ModelDamaged(entry, f"is damaged: {in_words(damages)}")


def _of_path(reference: str, kind: EngineKind, catalogue: Catalogue) -> InstalledModel:
    path = _path(reference, catalogue)
    entry = recognise(path)
    _check_kind(reference, entry, kind)
    return InstalledModel(entry=entry, path=weights_file(path) if entry.engine == "llama.cpp" else path)


def _path(reference: str, catalogue: Catalogue) -> Path:
    """The path that is meant. Raises `ConfigError` where there is nothing, with what may have been meant."""
    try:
        path = Path(os.path.abspath(Path(reference).expanduser()))
        is_there = bool(reference) and os.path.lexists(path)
    except (RuntimeError, ValueError, OSError):  # "~nobody", a null byte, a name too long
        is_there = False
    if is_there:
        return path
    if os.sep in reference or reference.endswith(".gguf") or reference.startswith("~"):
        raise ConfigError(f"There is no file or folder {reference!r}.", param="model")
    raise ConfigError(
        f"{reference!r} is neither a model's name nor a file or folder. {catalogue.hint(reference)}",
        param="model",
    )


def _check_kind(reference: str, entry: ModelEntry, kind: EngineKind) -> None:
    if entry.kind != kind:
        raise ConfigError(
            f"{reference} is a model for {KIND_NAMES[entry.kind]}, not for {KIND_NAMES[kind]}.", param="model"
        )
