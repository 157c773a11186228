"""How fast models ran on this machine, remembered: `sottovoce models fit --measure` finds it out."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from sottovoce.models.machine import Machine
from sottovoce.models.store import MODELS_FOLDER

MEASURED_FILE = "measured.json"


class Measured(BaseModel):
    """One run of a model on a machine. `real_time_factor` is seconds of computing per second of sound, heard
    or spoken; `tokens_per_second` and `first_token` (seconds) are a language model's. `load_seconds` is
    what its start took, `memory_bytes` what its process held."""

    model_config = ConfigDict(frozen=True)

    model: str
    machine: str
    real_time_factor: float | None = None
    tokens_per_second: float | None = None
    first_token: float | None = None
    load_seconds: float
    memory_bytes: int | None = None
    measured_at: float


_RUNS = TypeAdapter(list[Measured])


def read_measured(home: Path, machine: Machine) -> dict[str, Measured]:
    """What was measured on `machine`, by model. A file that cannot be read counts as nothing."""
    return {run.model: run for run in _read(home) if run.machine == machine.name}


def write_measured(home: Path, run: Measured) -> None:
    """Remember a run, in place of an earlier one of the same model and machine. Raises OSError."""
    kept = [each for each in _read(home) if (each.model, each.machine) != (run.model, run.machine)]
    path = home / MODELS_FOLDER / MEASURED_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.new")
    draft.write_bytes(_RUNS.dump_json([*kept, run], indent=1))
    os.replace(draft, path)


def _read(home: Path) -> list[Measured]:
    try:
        return _RUNS.validate_json((home / MODELS_FOLDER / MEASURED_FILE).read_bytes())
    except (OSError, ValidationError):
        return []
