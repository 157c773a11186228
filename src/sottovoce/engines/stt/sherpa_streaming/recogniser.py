"""sherpa-onnx's streaming recogniser behind a few plain calls. They block; they belong in threads.

The library releases the interpreter lock while it decodes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from sottovoce.config import EngineSettings
from sottovoce.engines.provider import choose_provider
from sottovoce.engines.stt.base import SAMPLE_RATE_HZ
from sottovoce.engines.stt.sherpa_streaming.files import ModelFiles
from sottovoce.engines.stt.token_words import Tokens
from sottovoce.errors import EngineError
from sottovoce.models.installed import InstalledModel

FULL_SCALE = 32_768

logger = logging.getLogger(__name__)

Hearing: TypeAlias = Any
"""What the engine keeps of one utterance (`sherpa_onnx.OnlineStream`, which has no types)."""


class Recogniser(Protocol):
    """A loaded model. Different hearings may be worked at in different threads, one only in one at a time."""

    def begin(self, language: str) -> Hearing:
        """A new utterance; `language` "" lets the model find out."""

    def accept(self, hearing: Hearing, pcm: bytes) -> None:
        """Take more of it, 16 kHz mono s16le."""

    def is_ready(self, hearing: Hearing) -> bool:
        """Whether another chunk can be decoded."""

    def decode(self, hearings: Sequence[Hearing]) -> None:
        """The next chunk of each, as one batch; all have to be ready. Raises `EngineError`."""

    def tokens(self, hearing: Hearing) -> Tokens:
        """Those since the last cut."""

    def cut(self, hearing: Hearing) -> None:
        """Begin another part; audio that has not been decoded is kept."""


class SherpaRecogniser:
    """A `Recogniser`."""

    def __init__(self, engine: Any, *, is_told_language: bool = False) -> None:
        self._engine, self._is_told_language = engine, is_told_language

    @classmethod
    def load(cls, files: ModelFiles, provider: str) -> SherpaRecogniser:
        """Raises `EngineError` where the library raises anything; for some flaws it ends the process."""
        import sherpa_onnx

        try:
            engine = sherpa_onnx.OnlineRecognizer.from_transducer(
                tokens=str(files.tokens),
                encoder=str(files.encoder),
                decoder=str(files.decoder),
                joiner=str(files.joiner),
                num_threads=1,  # two spin, and are slower than one on shared cores
                decoding_method="greedy_search",  # all that NeMo's models can
                enable_endpoint_detection=False,  # the conversation knows better
                provider=provider,
            )
        except (RuntimeError, ValueError, AssertionError) as error:
            raise EngineError(
                f"The recogniser's model cannot be loaded: {error}", engine="stt", code="bad_model"
            ) from error
        return cls(engine, is_told_language=bool(files.languages))

    def begin(self, language: str) -> Hearing:
        hearing = self._engine.create_stream()
        if language and self._is_told_language:
            hearing.set_option("language", language)
        return hearing

    def accept(self, hearing: Hearing, pcm: bytes) -> None:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / FULL_SCALE
        hearing.accept_waveform(SAMPLE_RATE_HZ, samples)

    def is_ready(self, hearing: Hearing) -> bool:
        return bool(self._engine.is_ready(hearing))

    def decode(self, hearings: Sequence[Hearing]) -> None:
        try:
            self._engine.decode_streams(list(hearings))
        except RuntimeError as error:
            raise EngineError(f"The recogniser failed: {error}", engine="stt") from error

    def tokens(self, hearing: Hearing) -> Tokens:
        found = self._engine.get_result_all(hearing)
        return Tokens(found.tokens, found.timestamps, found.ys_probs, found.start_time)

    def cut(self, hearing: Hearing) -> None:
        self._engine.reset(hearing)


def load(model: InstalledModel, settings: EngineSettings) -> tuple[SherpaRecogniser, ModelFiles, str]:
    """With its files and the provider that it runs on. Raises `EngineError`."""
    provider = choose_provider(settings.provider, "stt")
    files = ModelFiles.find(model, prefers_int8=provider == "cpu")
    logger.info("loading %s with %s on %s", model.id, files.encoder.name, provider)
    return SherpaRecogniser.load(files, provider), files, provider
