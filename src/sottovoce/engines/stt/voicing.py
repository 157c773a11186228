"""Tell voices from noise: vowels repeat themselves 80 to 400 times a second, noise does not.

A recogniser made to find words finds one or two in hiss, breath and hum as well. The normalised
autocorrelation at the pitch period separates those (Rabiner, "On the use of autocorrelation analysis for
pitch detection", 1977).
"""

from __future__ import annotations

import math
from array import array
from operator import mul

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ

DECIMATION = 4
"""4 kHz keeps pitch and first formant at a fortieth of the work."""
RATE_HZ = SAMPLE_RATE_HZ // DECIMATION
WINDOW = RATE_HZ // 25
"""40 ms: three periods of a deep voice."""
LAGS = range(RATE_HZ // 400, RATE_HZ // 80 + 1)
THRESHOLD = 0.6
"""Least correlation of a voiced window."""
MIN_RMS = 30.0
"""Windows quieter than -61 dBFS are silence."""


class Voicing:
    """Counts the voiced seconds of an utterance as its audio comes in."""

    def __init__(self) -> None:
        self.voiced = 0.0
        self._samples = array("h")
        self._slow: list[int] = []

    def push(self, pcm: bytes) -> None:
        self._samples.frombytes(pcm)
        whole = len(self._samples) // DECIMATION * DECIMATION
        fast, self._samples = self._samples[:whole], self._samples[whole:]
        # adding neighbours is low-pass filter enough
        phases = [fast[start::DECIMATION] for start in range(DECIMATION)]
        self._slow += [sum(group) for group in zip(*phases, strict=True)]
        while len(self._slow) >= WINDOW:
            self.voiced += is_voiced(self._slow[:WINDOW]) * WINDOW / RATE_HZ
            del self._slow[:WINDOW]

    def reset(self) -> None:
        self.voiced = 0.0
        self._samples = array("h")
        self._slow.clear()


def is_voiced(window: list[int]) -> bool:
    """Whether a window at `RATE_HZ` (each sample a sum of `DECIMATION`) repeats itself at the pitch of a
    voice."""
    mean = sum(window) / len(window)
    centred = [sample - mean for sample in window]
    if math.sqrt(sum(map(mul, centred, centred)) / len(centred)) < MIN_RMS * DECIMATION:
        return False
    return any(_correlation(centred, lag) > THRESHOLD for lag in LAGS)


def _correlation(samples: list[float], lag: int) -> float:
    early, late = samples[:-lag], samples[lag:]
    power = sum(map(mul, early, early)) * sum(map(mul, late, late))
    return sum(map(mul, early, late)) / math.sqrt(power) if power else 0.0
