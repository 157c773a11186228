"""The assistant's voice as a WebRTC track: pulled from a playout every 20 ms, sent as ready Opus packets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Any

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from sottovoce.audio.grid import Edges, Grid
from sottovoce.audio.playout import FRAME_BYTES, FRAME_MS, PLAYOUT_RATE_HZ
from sottovoce.conversation.port import PlayoutSource

MAX_LATE = 0.2
"""Seconds behind its grid at which the track skips slots: what is sent in a burst sits in the browser's
buffer, which then drains by only about 30 ms a second."""

OUTPUT_DELAY = 0.06
"""Seconds from a pull to the ear: encoder, network and the browser's buffer, as measured over loopback."""

RTP_RATE_HZ = 48_000
RTP_TICKS = RTP_RATE_HZ * FRAME_MS // 1000
RTP_TIME_BASE = Fraction(1, RTP_RATE_HZ)

BITRATE = 32_000
ENCODER_OPTIONS = {
    "application": "voip",
    "compression_level": "5",
    # lets the browser rebuild a lost packet from the next one
    "fec": "1",
    "packet_loss": "5",
}


class OpusEncoder:
    """24 kHz mono to Opus, one packet for every 20 ms."""

    def __init__(self) -> None:
        codec = av.CodecContext.create("libopus", "w")
        codec.format = "s16"
        codec.layout = "mono"
        codec.sample_rate = PLAYOUT_RATE_HZ
        codec.bit_rate = BITRATE
        codec.time_base = Fraction(1, PLAYOUT_RATE_HZ)
        codec.options = ENCODER_OPTIONS
        self._codec = codec

    def encode(self, samples: bytes, slot: int) -> av.Packet[Any]:
        """The packet of the frame in `slot`, its time in 48 kHz ticks as RTP counts Opus at every rate."""
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME_BYTES // 2)
        frame.planes[0].update(samples)
        frame.sample_rate = PLAYOUT_RATE_HZ
        (packet,) = self._codec.encode(frame)
        packet.pts, packet.time_base = slot * RTP_TICKS, RTP_TIME_BASE
        return packet


class VoiceTrack(MediaStreamTrack):
    """Always live: silence goes out when there is nothing to play, so that the receiver's clock runs on.

    Returning packets instead of frames spares aiortc its own encoder, a thread hop and a slow level meter.
    """

    kind = "audio"

    def __init__(
        self,
        playout: PlayoutSource,
        *,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__()
        playout.output_delay = OUTPUT_DELAY
        self._playout = playout
        self._clock = clock or asyncio.get_running_loop().time
        self._sleep = sleep
        self._grid: Grid | None = None
        self._edges = Edges()
        self._encoder = OpusEncoder()

    async def recv(self) -> av.Packet[Any]:
        if self.readyState != "live":
            raise MediaStreamError
        if self._grid is None:
            self._grid = Grid(self._clock(), MAX_LATE)
        slot, wait = self._grid.advance(self._clock())
        if wait:
            await self._sleep(wait)
        frame = self._playout.pull()
        return self._encoder.encode(self._edges.smooth(frame.samples if frame else None), slot)
