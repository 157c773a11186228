"""How alike two recordings sound, by what they have in common at their best alignment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MAX_LAG = 0.1
"""Seconds by which a codec may delay what goes through it."""


def likeness(first: npt.NDArray[np.int16], second: npt.NDArray[np.int16], sample_rate: int) -> float:
    """1 for the same sound, 0 for nothing in common; `second` may begin up to MAX_LAG later."""
    size = min(len(first), len(second))
    spectra = np.fft.rfft(first[:size], 2 * size).conj() * np.fft.rfft(second[:size], 2 * size)
    overlaps = np.fft.irfft(spectra)[: round(MAX_LAG * sample_rate)]
    energy = np.linalg.norm(first[:size].astype(float)) * np.linalg.norm(second[:size].astype(float))
    return float(overlaps.max() / energy)
