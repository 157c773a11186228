"""Audio formats for streams whose end is not known when they begin."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from sottovoce.audio.frame import BYTES_PER_SAMPLE

UNKNOWN_SIZE = 0xFFFF_FFFF
"""In both size fields of a streamed WAV: players and ffmpeg take it for "until the end"."""

_PCM = 1
_HEADER_BYTES = 44


@dataclass(frozen=True, slots=True)
class Encoding:
    """A way to send mono s16le samples: its media type, and the bytes that come before the samples."""

    media_type: str
    has_wav_header: bool = False

    def header(self, sample_rate: int) -> bytes:
        return wav_header(sample_rate) if self.has_wav_header else b""


ENCODINGS: Mapping[str, Encoding] = {
    "pcm": Encoding("audio/pcm"),
    "wav": Encoding("audio/wav", has_wav_header=True),
}
"""By OpenAI's `response_format`. `audio/pcm` is headerless; OpenAI fixes it at 24 kHz."""


def wav_header(sample_rate: int, data_bytes: int | None = None) -> bytes:
    """The 44 bytes before mono s16le samples; without `data_bytes` the sizes are UNKNOWN_SIZE."""
    riff_bytes = UNKNOWN_SIZE if data_bytes is None else data_bytes + _HEADER_BYTES - 8
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", riff_bytes, b"WAVE"),
        *(b"fmt ", 16, _PCM, 1, sample_rate, sample_rate * BYTES_PER_SAMPLE, BYTES_PER_SAMPLE, 16),
        *(b"data", UNKNOWN_SIZE if data_bytes is None else data_bytes),
    )
