"""How a model hears: in which steps, and how fast on this machine. Measured on the model itself."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from sottovoce.engines.stt.base import BYTES_PER_SECOND, SAMPLE_RATE_HZ
from sottovoce.engines.stt.sherpa_streaming.recogniser import Hearing, Recogniser
from sottovoce.errors import EngineError

STEP = bytes(SAMPLE_RATE_HZ // 100 * 2)
"""10 ms of silence, a frame of the model's features; sound costs the encoder as much."""
MAX_FIRST = 10.0
"""Seconds of audio before a model that decodes nothing is taken for broken."""
MIN_CHUNKS, MIN_HEARD = 2, 1.0
"""Chunks, and seconds of audio, that are decoded at least."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`first_bytes` of audio are needed for an utterance's first chunk, `chunk_bytes` for each that follows;
    one takes `decoding` seconds of one thread."""

    first_bytes: int
    chunk_bytes: int
    decoding: float

    @property
    def chunk(self) -> float:
        """Seconds."""
        return self.chunk_bytes / BYTES_PER_SECOND

    @property
    def first(self) -> float:
        """Seconds."""
        return self.first_bytes / BYTES_PER_SECOND

    @property
    def real_time_factor(self) -> float:
        return self.decoding / self.chunk


def measure(recogniser: Recogniser, clock: Callable[[], float] = time.monotonic) -> Pace:
    """Raises `EngineError` for a model that never decodes, or fails."""
    hearing = recogniser.begin("")
    first = _fill(recogniser, hearing)
    recogniser.decode([hearing])
    took: list[float] = []
    chunks: list[int] = []
    while len(took) < MIN_CHUNKS or sum(chunks) < MIN_HEARD * BYTES_PER_SECOND:
        chunks.append(_fill(recogniser, hearing))
        begun = clock()
        recogniser.decode([hearing])
        took.append(clock() - begun)
    recogniser.tokens(hearing)
    return Pace(first, max(chunks), statistics.median(took))


def _fill(recogniser: Recogniser, hearing: Hearing) -> int:
    """Bytes that it took until a chunk was full."""
    for steps in range(round(MAX_FIRST * BYTES_PER_SECOND) // len(STEP)):
        if recogniser.is_ready(hearing):
            return steps * len(STEP)
        recogniser.accept(hearing, STEP)
    raise EngineError(f"The model decoded nothing of {MAX_FIRST:g} s of audio.", engine="stt")
