"""Compressed audio as a stream: every packet leaves as soon as its codec gives it. By PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sottovoce.errors import EngineUnavailable

if TYPE_CHECKING:
    from av import AudioFrame


@dataclass(frozen=True, slots=True)
class PacketFormat:
    """FFmpeg's names of a codec and of the container around it, and what both are set to. A lossless codec
    has no bit rate."""

    codec: str
    container: str
    bits_per_second: int | None = None
    codec_options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)


class _Sink:
    """A file that cannot seek: containers put nothing into it that they would have to correct later."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def taken(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


class Packets:
    """An encoder of one stream of mono s16le samples. It may be dropped at any point, unflushed."""

    def __init__(self, packet_format: PacketFormat, sample_rate: int) -> None:
        """Loads FFmpeg, which takes a tenth of a second and 20 MB the first time. Raises
        `EngineUnavailable` where it was built without the codec."""
        import av

        self._sample_rate = sample_rate
        self._position = 0
        self._sink = _Sink()
        # without flush_packets the container would sit on 32 KiB, four seconds of sound
        options = {"flush_packets": "1", **packet_format.container_options}
        try:
            self._container = av.open(self._sink, "w", format=packet_format.container, options=options)
            stream = self._container.add_stream(
                packet_format.codec,
                rate=sample_rate,
                layout="mono",
                options=dict(packet_format.codec_options),
            )
        except (ValueError, av.error.FFmpegError) as error:
            raise EngineUnavailable(
                f"PyAV cannot make {packet_format.container} here ({error}); wav and pcm need no codec.",
                engine="tts",
            ) from error
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        if packet_format.bits_per_second is not None:
            self._stream.bit_rate = packet_format.bits_per_second

    def push(self, samples: bytes) -> bytes:
        if samples:
            self._container.mux(self._stream.encode(self._frame(samples)))
        return self._sink.taken()

    def flush(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.taken()

    def _frame(self, samples: bytes) -> AudioFrame:
        from av import AudioFrame

        frame = AudioFrame.from_ndarray(np.frombuffer(samples, "<i2").reshape(1, -1), "s16", "mono")
        frame.sample_rate = self._sample_rate
        frame.pts = self._position
        self._position += frame.samples
        return frame
