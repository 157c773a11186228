"""The recogniser for a model."""

from __future__ import annotations

from pathlib import Path

from sottovoce.config import EngineSettings
from sottovoce.engines.stt.base import Transcriber
from sottovoce.errors import ConfigError
from sottovoce.models.installed import EMBEDDED, InstalledModel


def make_transcriber(model: InstalledModel | None, settings: EngineSettings, cache: Path) -> Transcriber:
    """One that is not started; None is the embedded model, whose `cache` can be made again.

    Engines are imported when they are asked for: each brings tens of megabytes of its own.
    Raises `ConfigError` for a model that no recogniser runs.
    """
    model = model or EMBEDDED["stt"]
    match model.entry.engine:
        case "pocketsphinx":
            from sottovoce.engines.stt.pocketsphinx import PocketsphinxOptions, PocketsphinxTranscriber

            return PocketsphinxTranscriber(PocketsphinxOptions(cache=cache))
        case "sherpa-streaming":
            from sottovoce.engines.stt.sherpa_streaming.transcriber import SherpaStreamingTranscriber

            return SherpaStreamingTranscriber(model, settings)
        case "sherpa-offline":
            from sottovoce.engines.stt.sherpa_offline.transcriber import OfflineTranscriber

            return OfflineTranscriber.of(model, settings)
        case engine:
            raise ConfigError(f"{model.id}: {engine} recognises no speech.", param="stt_model")
