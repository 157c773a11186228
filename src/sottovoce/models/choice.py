"""Which model the user chose for each kind, on the page or by `sottovoce models use`."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from sottovoce.config import ENGINE_KINDS, EngineKind
from sottovoce.models.store import MODELS_FOLDER

logger = logging.getLogger(__name__)

CHOICE_FILE = "choice.json"


def read_choice(home: Path) -> dict[EngineKind, str]:
    """The chosen references by kind. A file that cannot be read counts as no choice, and is logged."""
    path = home / MODELS_FOLDER / CHOICE_FILE
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logger.warning("%s is ignored: %s", path, error)
        return {}
    if not isinstance(given, dict):
        logger.warning("%s is ignored: it is no JSON object", path)
        return {}
    return {kind: given[kind] for kind in ENGINE_KINDS if isinstance(given.get(kind), str)}


def write_choice(home: Path, kind: EngineKind, reference: str | None) -> None:
    """Remember the choice for one kind; None forgets it. Raises OSError."""
    chosen = read_choice(home)
    chosen.pop(kind, None)
    if reference is not None:
        chosen[kind] = reference
    folder = home / MODELS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{CHOICE_FILE}.new"
    draft.write_text(json.dumps(chosen, indent=1), encoding="utf-8")
    os.replace(draft, folder / CHOICE_FILE)
