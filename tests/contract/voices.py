"""The synthesisers that keep to one contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import EMBEDDED, InstalledModel
from tests.made_models.kokoro import make_tone_voice


@dataclass(frozen=True)
class Voice:
    """`readable` tells whether its speech can be read back as phonemes (`tests.made_models.kokoro`)."""

    model: InstalledModel
    own_voice: str
    languages: frozenset[str]
    is_readable: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


def tone_model(folder: Path) -> InstalledModel:
    entry = ModelEntry(id=folder.name, kind="tts", engine="sherpa-tts", family="kokoro")
    return InstalledModel(entry=entry, path=folder)


def without_espeak(folder: Path) -> dict[str, str]:
    """An environment in which the package of espeak-ng cannot be imported, as where it is not installed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "espeakng_loader.py").write_text("raise ImportError('not installed')\n")
    return {"PYTHONPATH": str(folder)}


def _espeak(folder: Path) -> Voice:
    return Voice(EMBEDDED["tts"], "de+f3", frozenset({"en-us", "de", "fr-fr"}))


def _kokoro(folder: Path) -> Voice:
    model = tone_model(make_tone_voice(folder))
    return Voice(model, "bf_emma", frozenset({"en-us", "en-gb", "es"}), is_readable=True)


def _kokoro_alone(folder: Path) -> Voice:
    model, environment = tone_model(make_tone_voice(folder)), without_espeak(folder.parent / "no-espeak")
    return Voice(model, "bf_emma", frozenset({"en-us", "en-gb"}), is_readable=True, environment=environment)


VOICES: Mapping[str, Callable[[Path], Voice]] = {
    "espeak-ng": _espeak,
    "kokoro": _kokoro,
    "kokoro-alone": _kokoro_alone,
}
"""By name, how to make one with its model in a folder of that name; the last one has no espeak-ng."""
