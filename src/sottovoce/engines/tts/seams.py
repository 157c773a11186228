"""The silence between clauses: a model speaks each as if it were alone, with a pause before and after it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

QUIET = 160
"""Samples (of s16) below this are silence: -46 dBFS."""

LEAD = 0.03
"""Seconds of silence kept before a clause, so that soft sounds are not clipped."""

PAUSES = {"": 0.04, ",": 0.2, "—": 0.25, ";": 0.3, ":": 0.3}
"""Seconds of a clause's own silence that are kept behind it, by its mark."""

SENTENCE_PAUSE = 0.45
"""The same for marks that end a sentence."""


def trimmed(samples: npt.NDArray[np.int16], sample_rate: int, mark: str) -> npt.NDArray[np.int16]:
    """`samples` without more silence at either end than belongs there; one that is silent is left alone."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) >= QUIET)
    if loud.size == 0:
        return samples
    begin = max(int(loud[0]) - round(LEAD * sample_rate), 0)
    end = int(loud[-1]) + 1 + round(PAUSES.get(mark, SENTENCE_PAUSE) * sample_rate)
    return samples[begin:end]
