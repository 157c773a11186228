"""From what people write (a catalogue id, a folder, a `.gguf` file) to a model that can be loaded."""

from __future__ import annotations

from pathlib import Path

from sottovoce.config import EngineKind, Settings
from sottovoce.errors import ConfigError, NotFoundError
from sottovoce.models.catalogue import load_catalogue
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.layout import recognise
from sottovoce.models.store import Store

EMBEDDED_REFERENCE = "embedded"
"""Names the embedded model of whichever kind is asked for."""


class ModelMissing(NotFoundError):  # noqa: N818  named for the situation
    """A model of the catalogue that has to be downloaded first."""

    def __init__(self, entry: ModelEntry) -> None:
        super().__init__(
            f"The model {entry.id} is not on this machine. Cure: sottovoce models pull {entry.id}",
            param="model",
            code="model_missing",
        )
        self.entry = entry


def resolve(reference: str, kind: EngineKind, settings: Settings) -> InstalledModel:
    """The model that `reference` names.

    Raises `ModelMissing` for one that has to be downloaded, `ConfigError` for what is no model of that kind.
    """
    if reference in (EMBEDDED_REFERENCE, EMBEDDED[kind].id):
        return EMBEDDED[kind]
    entry = load_catalogue(settings).find(reference)
    if entry is None:
        return _own(reference, kind)
    if entry.kind != kind:
        raise ConfigError(f"{reference} is a model for {entry.kind}, not for {kind}.", param="model")
    if (installed := Store(settings.home).installed(entry)) is None:
        raise ModelMissing(entry)
    return installed


def _own(reference: str, kind: EngineKind) -> InstalledModel:
    path = Path(reference).expanduser().absolute()
    if not path.exists():
        raise ConfigError(f"{reference!r} is neither a model's id nor a file or folder.", param="model")
    entry = recognise(path)
    if entry.kind != kind:
        raise ConfigError(f"{reference} is a model for {entry.kind}, not for {kind}.", param="model")
    return InstalledModel(entry=entry, path=path)
