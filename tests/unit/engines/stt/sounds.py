"""Sounds for the tests of the recogniser: recordings, and what is no speech."""

from __future__ import annotations

import math
import random
import wave
from array import array
from pathlib import Path

RECORDINGS = Path(__file__).parents[3] / "data" / "recordings"
RATE_HZ = 16_000


def recording(name: str) -> bytes:
    with wave.open(str(RECORDINGS / f"{name}.wav")) as file:
        return file.readframes(file.getnframes())


def silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * RATE_HZ))


def noise(seconds: float, level: float = 300.0) -> bytes:
    rng = random.Random(1)
    return array("h", [int(rng.gauss(0, level)) for _ in range(int(seconds * RATE_HZ))]).tobytes()


def tone(seconds: float, hz: float, level: float = 3000.0) -> bytes:
    samples = range(int(seconds * RATE_HZ))
    return array("h", [int(level * math.sin(2 * math.pi * hz * n / RATE_HZ)) for n in samples]).tobytes()


def scaled(pcm: bytes, gain: float) -> bytes:
    return array("h", [int(sample * gain) for sample in array("h", pcm)]).tobytes()


def loudest_frame(pcm: bytes) -> float:
    samples = array("h", pcm)
    frames = [samples[at : at + 320] for at in range(0, len(samples) - 319, 320)]
    return max(math.sqrt(sum(s * s for s in frame) / len(frame)) for frame in frames)
