"""Sample-rate conversion of a stream, by the soxr library."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import soxr

from sottovoce.audio.frame import BYTES_PER_SAMPLE

MAX_RATE_HZ = 192_000
"""No recording device goes higher; a bound on what a made-up rate could make soxr allocate."""


Quality: TypeAlias = Literal["HQ", "LQ"]
"""soxr's names."""


class Resampler:
    """Mono s16le from one rate to another, chunk by chunk, with nothing lost or repeated between chunks.

    Output lags by the filter's length (about 14 ms at 22.05 to 24 kHz) and `flush` brings the rest: in all,
    the same duration as went in. Equal rates pass through. One stream per object, one thread at a time.
    """

    def __init__(self, rate_in_hz: int, rate_out_hz: int, quality: Quality = "HQ") -> None:
        """A lower `quality` lags less. Raises ValueError for a rate out of range."""
        for rate_hz in (rate_in_hz, rate_out_hz):
            if not 0 < rate_hz <= MAX_RATE_HZ:
                raise ValueError(f"{rate_hz} Hz is no sample rate (1 to {MAX_RATE_HZ})")
        self.rate_in_hz = rate_in_hz
        self.rate_out_hz = rate_out_hz
        self._odd = b""
        self._stream: soxr.ResampleStream | None = None
        if rate_in_hz != rate_out_hz:
            self._stream = soxr.ResampleStream(rate_in_hz, rate_out_hz, 1, dtype="int16", quality=quality)

    def push(self, samples: bytes) -> bytes:
        """Convert what can be converted now; half a sample at the end waits for its other half."""
        samples = self._odd + samples
        whole = len(samples) - len(samples) % BYTES_PER_SAMPLE
        self._odd = samples[whole:]
        return self._convert(samples[:whole], is_last=False)

    def flush(self) -> bytes:
        """The rest of the stream; afterwards the object is ready for another one."""
        self._odd = b""
        rest = self._convert(b"", is_last=True)
        if self._stream is not None:
            self._stream.clear()
        return rest

    def _convert(self, samples: bytes, *, is_last: bool) -> bytes:
        if self._stream is None:
            return samples
        given = np.frombuffer(samples, dtype="<i2").astype(np.int16)
        converted: npt.NDArray[np.int16] = self._stream.resample_chunk(given, is_last)
        return converted.astype("<i2").tobytes()
