"""A voice detector for made-up audio: the level says how likely a voice is."""

from __future__ import annotations

from array import array
from itertools import pairwise

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ
from sottovoce.engines.stt.segmenting import Part

CERTAIN = 10_000


class LoudIsVoice:
    """A sample of `CERTAIN` is surely a voice, 0 surely none."""

    def __init__(self) -> None:
        self.frames = 0

    def __call__(self, audio: bytes, /) -> float:
        self.frames += 1
        return max(map(abs, array("h", audio))) / CERTAIN

    def reset(self) -> None:
        self.frames = 0


def voice(seconds: float, likely: float = 1.0) -> bytes:
    """Every sample differs from its neighbours, so that a piece tells where it was cut."""
    level = round(likely * CERTAIN)
    samples = (level - number % 7 if level else 0 for number in range(round(seconds * SAMPLE_RATE_HZ)))
    return array("h", samples).tobytes()


def silence(seconds: float) -> bytes:
    return bytes(2 * round(seconds * SAMPLE_RATE_HZ))


def check_places(parts: list[Part], audio: bytes) -> None:
    """Every part is the audio at its own time, to the sample, and none overlaps another."""
    for part in parts:
        start = round(part.start * SAMPLE_RATE_HZ) * 2
        assert audio[start : start + len(part.pcm)] == part.pcm
    for one, other in pairwise(parts):
        assert one.start + one.duration <= other.start + 1e-9
