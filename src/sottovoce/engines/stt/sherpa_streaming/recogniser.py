"""sherpa-onnx's streaming recogniser behind a few plain calls. They block; they belong in threads.

The library releases the interpreter lock while it decodes.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from sottovoce.config import EngineSettings
from sottovoce.engines.stt.base import SAMPLE_RATE_HZ
from sottovoce.engines.stt.sherpa_streaming.files import ModelFiles
from sottovoce.engines.stt.sherpa_streaming.words import Tokens
from sottovoce.errors import EngineError
from sottovoce.models.installed import InstalledModel

FULL_SCALE = 32_768
CUDA_LIBRARY = "libonnxruntime_providers_cuda.so"
CUDA_DRIVER = "libcuda.so.1"

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
    provider = choose_provider(settings.provider)
    files = ModelFiles.find(model, prefers_int8=provider == "cpu")
    logger.info("loading %s with %s on %s", model.id, files.encoder.name, provider)
    return SherpaRecogniser.load(files, provider), files, provider


def choose_provider(wanted: str) -> str:
    """ "cpu" or "cuda". Raises `EngineError` for a wish that this machine cannot fulfil."""
    lack = None if wanted == "cpu" else _why_no_cuda()
    if wanted == "cuda" and lack:
        raise EngineError(f"SOTTOVOCE_STT_PROVIDER=cuda: {lack}.", engine="stt", code="no_cuda")
    if wanted == "auto" and lack:
        logger.info("the recogniser runs on the CPU: %s", lack)
    return "cpu" if wanted == "cpu" or lack else "cuda"


def _why_no_cuda() -> str | None:
    import sherpa_onnx

    if not (Path(sherpa_onnx.__file__).parent / "lib" / CUDA_LIBRARY).exists():
        return "the installed sherpa-onnx is the one for the CPU (docs/models.md has the line for the other)"
    try:
        ctypes.CDLL(CUDA_DRIVER)
    except OSError:
        return "there is no NVIDIA driver"
    return None
