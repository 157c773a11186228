"""G.711 companding: 16-bit samples as one byte each, as telephones carry them.

After ITU-T Recommendation G.711 (11/88), in the 14- and 13-bit forms of Sun's `g711.c`, as tables.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

RATE_HZ: Final = 8_000

Law: TypeAlias = Literal["ulaw", "alaw"]
Samples: TypeAlias = npt.NDArray[np.int32]

_ULAW_BIAS, _ULAW_CLIP = 33, 8158
"""In 14-bit units: what makes every segment begin at a power of two, and the largest magnitude."""
_INVERTED_EVEN_BITS = 0x55


def _expand_ulaw(codes: Samples) -> Samples:
    inverted = codes ^ 0xFF
    segment, step = (inverted >> 4) & 7, inverted & 15
    magnitude = (((step << 1) + _ULAW_BIAS) << segment) - _ULAW_BIAS
    signed: Samples = np.where(inverted & 0x80, -magnitude, magnitude)
    return signed << 2


def _expand_alaw(codes: Samples) -> Samples:
    plain = codes ^ _INVERTED_EVEN_BITS
    segment, step = (plain >> 4) & 7, plain & 15
    linear = (step << 1) + 1
    magnitude = np.where(segment == 0, linear, (linear + 32) << np.maximum(segment - 1, 0))
    signed: Samples = np.where(plain & 0x80, magnitude, -magnitude)
    return signed << 3


def _compress_ulaw(samples: Samples) -> Samples:
    linear = samples >> 2
    magnitude = np.minimum(np.abs(linear), _ULAW_CLIP) + _ULAW_BIAS
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    code: Samples = (segment << 4) | ((magnitude >> (segment + 1)) & 15)
    mask: Samples = np.where(linear < 0, 0x7F, 0xFF)
    return code ^ mask


def _compress_alaw(samples: Samples) -> Samples:
    linear = samples >> 3
    magnitude = np.where(linear < 0, ~linear, linear)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    code: Samples = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 15)
    sign: Samples = np.where(linear < 0, 0, 0x80)
    return code ^ sign ^ _INVERTED_EVEN_BITS


_CODES = np.arange(256, dtype=np.int32)
_ALL_SAMPLES = np.arange(-32768, 32768, dtype=np.int32)
_EXPANDED: Final = {
    "ulaw": _expand_ulaw(_CODES).astype("<i2"),
    "alaw": _expand_alaw(_CODES).astype("<i2"),
}
_COMPRESSED: Final = {
    "ulaw": _compress_ulaw(_ALL_SAMPLES).astype(np.uint8),
    "alaw": _compress_alaw(_ALL_SAMPLES).astype(np.uint8),
}
"""By the sample plus 32768."""


def expand(codes: bytes, law: Law) -> bytes:
    """s16le samples of `codes`."""
    return _EXPANDED[law][np.frombuffer(codes, np.uint8)].tobytes()


def compress(samples: bytes, law: Law) -> bytes:
    """One byte for each s16le sample; `samples` holds whole ones."""
    at = np.frombuffer(samples, "<i2").astype(np.int32) + 32768
    return _COMPRESSED[law][at].tobytes()
