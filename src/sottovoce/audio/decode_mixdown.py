"""Frames of any sample format, rate and number of channels, mixed down to one channel of one rate.

Channels whose place is known are mixed by libswresample's matrix, which follows ITU-R BS.775: to mono, left
and right count 1, centre the root of 2, surrounds half, divided so that nothing can clip; the low-frequency
channel is left out. Channels of unknown places, as of a recorder with six microphones, all count the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from av import AudioFrame, AudioResampler

from sottovoce.audio.decode_container import FaultyFileError

MIN_RATE_HZ, MAX_RATE_HZ = 1000, 768_000
"""Below there is no speech; above there is no recorder. Bounds what a made-up rate could make us allocate."""
MAX_CHANNELS = 64
"""As many as libswresample takes."""
UNPLACED = re.compile(r"\d+ channels")
"""How FFmpeg names a layout of which it knows the number of channels only."""


class Mixdown:
    """Takes frames whose shape may change in the middle of a file, as broadcasts' does."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._shape: tuple[str, str, int] | None = None
        self._resampler: AudioResampler
        self._has_places = True

    def mix(self, frames: Iterable[AudioFrame]) -> Iterator[bytes]:
        """Mono s16le at the rate wanted. Raises `FaultyFileError`."""
        for frame in frames:
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            if shape != self._shape:
                yield from self._flush()
                self._begin(frame)
                self._shape = shape
            frame.pts = None  # gaps and jumps in a file's clock are no silence
            yield from self._push(frame)
        yield from self._flush()

    def _begin(self, frame: AudioFrame) -> None:
        channels = frame.layout.nb_channels
        if not MIN_RATE_HZ <= frame.sample_rate <= MAX_RATE_HZ:
            raise FaultyFileError(
                f"The file says that it has {frame.sample_rate} samples a second; "
                f"{MIN_RATE_HZ} to {MAX_RATE_HZ} are served."
            )
        if not 1 <= channels <= MAX_CHANNELS:
            raise FaultyFileError(f"The file has {channels} channels; 1 to {MAX_CHANNELS} are served.")
        self._has_places = channels <= 2 or UNPLACED.fullmatch(frame.layout.name) is None
        form, layout = ("s16", "mono") if self._has_places else ("flt", frame.layout)
        self._resampler = AudioResampler(form, layout, self._rate_hz)

    def _push(self, frame: AudioFrame | None) -> Iterator[bytes]:
        for done in self._resampler.resample(frame):
            yield _bytes(done) if self._has_places else _averaged(done)

    def _flush(self) -> Iterator[bytes]:
        if self._shape is not None:
            yield from self._push(None)


def _bytes(frame: AudioFrame) -> bytes:
    return bytes(frame.planes[0])[: frame.samples * 2]  # planes are padded


def _averaged(frame: AudioFrame) -> bytes:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads would take the child's memory
    import numpy as np

    samples: Any = frame.to_ndarray().reshape(-1, frame.layout.nb_channels).mean(axis=1)
    scaled: bytes = np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype("<i2").tobytes()
    return scaled
