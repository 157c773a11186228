"""Audio formats for streams whose end is not known when they begin."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from sottovoce.audio.frame import BYTES_PER_SAMPLE
from sottovoce.audio.packets import PacketFormat, Packets

UNKNOWN_SIZE = 0xFFFF_FFFF
"""In both size fields of a streamed WAV: players and ffmpeg take it for "until the end"."""

_PCM = 1
_HEADER_BYTES = 44


class Encoder(Protocol):
    """One stream of mono s16le samples on its way into a format. One thread at a time."""

    def push(self, samples: bytes) -> bytes:
        """What can be sent once `samples`, whole ones, have come; empty while the codec collects them."""

    def flush(self) -> bytes:
        """The end of the stream; nothing may be pushed afterwards."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A way to send samples: its media type, and an encoder for a sample rate in Hz. A costly one takes
    milliseconds for a second of sound, which an event loop should be spared."""

    media_type: str
    encoder: Callable[[int], Encoder]
    is_costly: bool = True


class _Bare:
    """The samples as they are, after `header`."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    def push(self, samples: bytes) -> bytes:
        header, self._header = self._header, b""
        return header + samples

    def flush(self) -> bytes:
        return self.push(b"")


def wav_header(sample_rate: int, data_bytes: int | None = None) -> bytes:
    """The 44 bytes before mono s16le samples; without `data_bytes` the sizes are UNKNOWN_SIZE."""
    riff_bytes = UNKNOWN_SIZE if data_bytes is None else data_bytes + _HEADER_BYTES - 8
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", riff_bytes, b"WAVE"),
        *(b"fmt ", 16, _PCM, 1, sample_rate, sample_rate * BYTES_PER_SAMPLE, BYTES_PER_SAMPLE, 16),
        *(b"data", UNKNOWN_SIZE if data_bytes is None else data_bytes),
    )


def _in_packets(media_type: str, packet_format: PacketFormat) -> Encoding:
    return Encoding(media_type, partial(Packets, packet_format))


_MP3 = PacketFormat(
    "libmp3lame", "mp3", bits_per_second=64_000, container_options={"write_xing": "0", "id3v2_version": "0"}
)
_OPUS = PacketFormat(
    "libopus",
    "ogg",
    bits_per_second=48_000,
    container_options={"page_duration": "20000"},  # µs: each packet
)
_AAC = PacketFormat("aac", "adts", bits_per_second=64_000)
_FLAC = PacketFormat(
    "flac",
    "flac",
    codec_options={"compression_level": "2"},  # blocks of 24 ms where the usual level has 96
    container_options={"metadata_header_padding": "0"},
)

ENCODINGS: Mapping[str, Encoding] = {
    "mp3": _in_packets("audio/mpeg", _MP3),
    "opus": _in_packets("audio/ogg", _OPUS),
    "aac": _in_packets("audio/aac", _AAC),
    "flac": _in_packets("audio/flac", _FLAC),
    "wav": Encoding("audio/wav", lambda sample_rate: _Bare(wav_header(sample_rate)), is_costly=False),
    "pcm": Encoding("audio/pcm", lambda _: _Bare(b""), is_costly=False),
}
"""By OpenAI's `response_format`. `audio/pcm` is headerless; OpenAI fixes it at 24 kHz."""
