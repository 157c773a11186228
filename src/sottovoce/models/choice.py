"""Which model the user chose for each kind, on the page or by `sottovoce models use`."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from sottovoce.config import ENGINE_KINDS, EngineKind
from sottovoce.errors import ConfigError
from sottovoce.models.store import MODELS_FOLDER

logger = logging.getLogger(__name__)

CHOICE_FILE = "choice.json"

MAX_CHOICE_BYTES = 1 << 16
"""Three paths; more is no choice of ours."""


def read_choice(home: Path) -> dict[EngineKind, str]:
    """The chosen references by kind. A file that cannot be read counts as no choice, and is logged."""
    try:
        return load_choice(home)
    except ConfigError as error:
        logger.warning("%s", error.message)
        return {}


def load_choice(home: Path) -> dict[EngineKind, str]:
    """The same. Raises `ConfigError` for a file that cannot be read."""
    path = choice_file(home)
    try:
        with path.open("rb") as file:
            given = json.loads(file.read(MAX_CHOICE_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read and counts as no choice: {error}") from error
    if not isinstance(given, dict):
        raise ConfigError(f"{path} is no JSON object and counts as no choice.")
    return {kind: given[kind] for kind in ENGINE_KINDS if isinstance(given.get(kind), str) and given[kind]}


def write_choice(home: Path, kind: EngineKind, reference: str | None) -> None:
    """Remember the choice for one kind; None forgets it. Raises OSError."""
    chosen = read_choice(home)
    chosen.pop(kind, None)
    if reference is not None:
        chosen[kind] = reference
    path = choice_file(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.new")
    draft.write_text(json.dumps(chosen, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(draft, path)


def choice_file(home: Path) -> Path:
    return home / MODELS_FOLDER / CHOICE_FILE
