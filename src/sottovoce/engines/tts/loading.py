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
        case "sherpa-tts":
            return _sherpa(model, settings)
        case engine:
            raise ConfigError(f"{model.id}: {engine} does not speak.", param="tts_model")


_RECORDED = "it speaks in a voice that has to be recorded for it first"
_UNPROVEN = "whether it says rightly what it is given has not been proven here"
_REFUSED = {
    "kitten": _UNPROVEN,
    "matcha": _UNPROVEN,
    "supertonic": _UNPROVEN,
    "vits": _UNPROVEN,
    "pocket": _RECORDED,
    "zipvoice": _RECORDED,
}
"""What else sherpa-onnx speaks with."""


def _sherpa(model: InstalledModel, settings: EngineSettings) -> Synthesizer:
    family = model.entry.family or "kokoro"
    if family != "kokoro":
        why = _REFUSED.get(family, "it is not known here")
        raise ConfigError(
            f"{model.id} is a voice of the family {family}, which is not used: {why}. Take a Kokoro voice.",
            param="tts_model",
        )
    if model.path is None:
        raise ConfigError(f"{model.id} has no folder.", param="tts_model")
    from sottovoce.engines.tts.kokoro import KokoroSynthesizer

    return KokoroSynthesizer(model, settings)
