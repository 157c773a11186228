"""The set of models that suits this machine, for who has none yet."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sottovoce.config import Settings
from sottovoce.models.catalogue import load_catalogue
from sottovoce.models.choice import read_choice
from sottovoce.models.desk_state import ModelState
from sottovoce.models.download_job import RESERVE_BYTES
from sottovoce.models.entry import ModelEntry
from sottovoce.models.fit import best_set
from sottovoce.models.machine import this_machine
from sottovoce.models.measured import read_measured
from sottovoce.models.plan import LANGUAGES
from sottovoce.models.store import Store


@dataclass(frozen=True, slots=True)
class Offer:
    """`models` together; `download_bytes` are those that would have to come, `free_bytes` what the disk has
    for them. `is_reachable` is None where nobody was asked: offline, or after the first run."""

    models: tuple[ModelState, ...]
    download_bytes: int
    free_bytes: int
    is_first_run: bool
    is_offline: bool
    is_reachable: bool | None
    hub: str

    @property
    def has_room(self) -> bool:
        return self.free_bytes >= self.download_bytes


def fitting_set(settings: Settings) -> tuple[ModelEntry, ...]:
    """One model of each kind that suits the machine, besides the kinds that are had elsewhere or named by a
    setting; none under the embedded profile. Raises `ConfigError`."""
    if settings.profile == "embedded":
        return ()
    machine = this_machine()
    measured = read_measured(settings.home, machine)
    chosen = best_set(machine, LANGUAGES, load_catalogue(settings), measured)
    return tuple(entry for entry in chosen if _is_open(settings, entry))


def _is_open(settings: Settings, entry: ModelEntry) -> bool:
    own = settings.engine(entry.kind)
    return not own.is_external and own.model is None


def is_first_run(settings: Settings) -> bool:
    """Nothing chosen, nothing here, and the profile leaves it open."""
    return (
        settings.profile == "auto" and not read_choice(settings.home) and not any(Store(settings.home).all())
    )


def free_bytes(home: Path) -> int:
    """What the disk of `home` has for models."""
    folder = home.absolute()
    while not folder.exists():
        folder = folder.parent
    return max(0, shutil.disk_usage(folder).free - RESERVE_BYTES)
