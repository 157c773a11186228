"""Kokoro in sherpa-onnx: phonemes in, samples out.

sherpa-onnx takes a speaker out of range for the first one, drops phonemes it does not know, and reports most
failures as no sound at all; over the rest it ends the process. Nothing reaches it unchecked from here.
"""

from __future__ import annotations

import logging
import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sottovoce.engines.tts.kokoro_files import KokoroFiles
from sottovoce.errors import EngineCrashed, EngineUnavailable

logger = logging.getLogger(__name__)

MIN_SPEED, MAX_SPEED = 0.5, 2.0
"""Of the model itself; beyond them it mumbles, and the sound is stretched instead."""

Samples = npt.NDArray[np.int16]


class KokoroModel:
    """One model; several threads may call `generate` at once, the interpreter goes on meanwhile."""

    def __init__(self, files: KokoroFiles, threads: int, provider: Literal["cpu", "cuda"]) -> None:
        """Loads it, which takes a second. Raises `EngineUnavailable`."""
        self._files = files
        try:
            self._tts = _load(files, threads, provider)
        except (RuntimeError, AssertionError, ValueError) as error:
            raise EngineUnavailable(
                f"{files.model} cannot be loaded; fetch the model again. ({error})", engine="tts"
            ) from error
        self.sample_rate: int = self._tts.sample_rate

    def generate(self, phonemes: str, speaker: int, speed: float) -> Samples:
        """A clause of at most `style_rows` phonemes, all of the model's alphabet, as s16 mono samples.

        Raises `EngineCrashed` where the model gives nothing, or nothing that is sound.
        """
        import sherpa_onnx

        self._check(phonemes, speaker, speed)
        options = sherpa_onnx.GenerationConfig()
        options.sid, options.speed = speaker, speed
        options.phoneme_codepoints = [[ord(symbol) for symbol in phonemes]]
        heard: list[npt.NDArray[np.float32]] = []

        def receive(samples: npt.NDArray[np.float32], _progress: float) -> int:
            heard.append(samples)  # a copy of our own, unlike the result, which is a list of floats
            return 1

        try:
            made = self._tts.generate("", options, receive)
        except (RuntimeError, ValueError) as error:
            raise EngineCrashed(f"Kokoro failed: {error}", engine="tts") from error
        if not heard or not made.sample_rate:
            raise EngineCrashed("Kokoro gave no sound for a clause.", engine="tts")
        return _whole(heard)

    def _check(self, phonemes: str, speaker: int, speed: float) -> None:
        if not 0 <= speaker < self._files.speakers:
            raise ValueError(f"there is no speaker {speaker}; the model has {self._files.speakers}")
        if not (math.isfinite(speed) and MIN_SPEED <= speed <= MAX_SPEED):
            raise ValueError(f"a speed of {speed} is not between {MIN_SPEED} and {MAX_SPEED}")
        if not 0 < len(phonemes) < self._files.style_rows:
            raise ValueError(f"{len(phonemes)} phonemes are no clause")
        if not self._files.alphabet.issuperset(phonemes):
            raise ValueError(f"phonemes that the model does not know: {set(phonemes) - self._files.alphabet}")


def _load(files: KokoroFiles, threads: int, provider: str) -> Any:
    import sherpa_onnx

    kokoro = sherpa_onnx.OfflineTtsKokoroModelConfig(
        model=str(files.model), voices=str(files.voices), tokens=str(files.tokens)
    )
    model = sherpa_onnx.OfflineTtsModelConfig(kokoro=kokoro, num_threads=threads, provider=provider)
    config = sherpa_onnx.OfflineTtsConfig(model=model, max_num_sentences=1)
    if not config.validate():
        raise ValueError("sherpa-onnx does not accept its files")
    return sherpa_onnx.OfflineTts(config)


def _whole(heard: list[npt.NDArray[np.float32]]) -> Samples:
    samples = np.concatenate(heard)
    if samples.size == 0 or not np.isfinite(samples).all():
        raise EngineCrashed("Kokoro gave no sound for a clause; its model may be damaged.", engine="tts")
    return np.rint(np.clip(samples, -1.0, 1.0) * 32_767).astype(np.int16)
