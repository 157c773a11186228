"""The one type that carries audio between rooms."""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """Mono PCM: `samples` are signed 16-bit little-endian, `sample_rate` is in Hz."""

    samples: bytes
    sample_rate: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / (BYTES_PER_SAMPLE * self.sample_rate)
