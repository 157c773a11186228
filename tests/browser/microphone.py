"""What Chromium's fake microphone hears: recordings from tests/data, with silence between them."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import soxr

from tests.recordings import RATE_HZ, recording

CAPTURE_HZ = 48_000
ROOM_NOISE = 12
"""Amplitude of the silence: a real microphone is never quite still."""

TAIL = 60.0
"""Silence at the end, longer than any test: nothing may be said twice."""


def write_speech(path: Path, *parts: str | float) -> Path:
    """Write `parts` one after the other: the name of a recording, or seconds of silence."""
    samples = np.concatenate([_samples(part) for part in (*parts, TAIL)])
    noise = np.random.default_rng(7).integers(-ROOM_NOISE, ROOM_NOISE, len(samples))
    speech = np.clip(samples + noise, -32768, 32767).astype(np.int16)
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(CAPTURE_HZ)
        writer.writeframes(soxr.resample(speech, RATE_HZ, CAPTURE_HZ).tobytes())
    return path


def _samples(part: str | float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if isinstance(part, str):
        return np.frombuffer(recording(part), np.int16).astype(np.int64)
    return np.zeros(int(part * RATE_HZ), np.int64)
