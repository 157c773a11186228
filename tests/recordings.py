"""What tests let people say: the recordings in tests/data (see make_recordings.py there)."""

from __future__ import annotations

import wave
from pathlib import Path

RECORDINGS = Path(__file__).parent / "data" / "recordings"
RATE_HZ = 16_000


def recording(name: str) -> bytes:
    """The samples of one of them, 16 kHz mono s16le."""
    with wave.open(str(RECORDINGS / f"{name}.wav")) as reader:
        assert (reader.getframerate(), reader.getnchannels()) == (RATE_HZ, 1)
        frames: bytes = reader.readframes(reader.getnframes())
        return frames
