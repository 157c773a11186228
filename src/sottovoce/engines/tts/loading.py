"""The synthesiser for a model."""

from __future__ import annotations

from sottovoce.config import EngineSettings
from sottovoce.engines.tts.base import Synthesizer
from sottovoce.errors import ConfigError
from sottovoce.models.installed import EMBEDDED, InstalledModel


def make_synthesizer(model: InstalledModel | None, settings: EngineSettings) -> Synthesizer:
    """One that is not loaded; None is the embedded model. Engines are imported when they are asked for.

    Raises `ConfigError` for a model that no synthesiser runs.
    """
    model = model or EMBEDDED["tts"]
    match model.entry.engine:
        case "espeak-ng":
            from sottovoce.engines.tts.espeak import EspeakSynthesizer

            return EspeakSynthesizer()
        case engine:
            raise ConfigError(f"{model.id}: {engine} does not speak.", param="tts_model")
