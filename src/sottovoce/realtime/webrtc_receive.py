"""Low-delay audio reception for aiortc: its receive buffer and its Opus decoder, replaced.

aiortc 1.16 holds every packet back by 80 ms, and after a single lost packet by 280 ms until the call ends.
`ReceiveBuffer` hands packets on as they arrive in order, gives a gap up as soon as a packet two places
after it is here, and lets silence stand in for what was lost, so the delay returns to nothing.

`install()` rebinds `aiortc.rtcrtpreceiver.JitterBuffer` and `aiortc.codecs.OpusDecoder`, which aiortc looks
up when a receiver is made; it must run before the first peer connection. Of aiortc's private names only
`packet._data`, the payload without its RTP framing, is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from types import ModuleType
from typing import Any

import av
from aiortc import codecs, rtcrtpreceiver
from aiortc.codecs.opus import OpusDecoder
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket

RATE_HZ = 48_000
"""What FFmpeg's libopus always decodes to."""

HOLD_PACKETS = 2
"""A gap is given up when a packet this many places after it is here: one reordered packet is waited for."""

RESTART_PACKETS = 100
"""A packet further from the expected one than this means that the sender started anew (RFC 3550, A.1)."""

DEFAULT_TICKS = RATE_HZ // 50
MAX_TICKS = RATE_HZ * 120 // 1000
"""The longest Opus packet; a larger step in time is a pause of the sender, not a packet's length."""

TIME_BASE = Fraction(1, RATE_HZ)
SEQUENCE_MASK = 0xFFFF
TIMESTAMP_MASK = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Piece:
    """One packet's audio, `ticks` samples at 48 kHz from `timestamp` on; `payload` None where it was lost."""

    payload: bytes | None
    timestamp: int
    ticks: int


class Pieces(JitterFrame):
    """What one arrival set free, in order; `data` serves decoders that know nothing of pieces."""

    def __init__(self, pieces: list[Piece]) -> None:
        super().__init__(b"".join(piece.payload or b"" for piece in pieces), pieces[0].timestamp)
        self.pieces = pieces


class ReceiveBuffer:
    """Puts audio packets in order with the least delay that survives a reordered one."""

    def __init__(self) -> None:
        self.lost = 0
        self.dropped = 0
        self._early: dict[int, RtpPacket] = {}
        self._expected: int | None = None
        self._timestamp = 0
        self._ticks = DEFAULT_TICKS

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """aiortc's contract: whether to ask for a key frame (never), and what to decode now, if anything."""
        distance = self._distance(packet)
        if self._expected is None or abs(distance) > RESTART_PACKETS:
            self._restart(packet)
        elif distance < 0 or packet.sequence_number in self._early:
            self.dropped += 1  # given up already, or sent twice
            return False, None
        self._early[packet.sequence_number] = packet
        pieces = self._in_order()
        while self._early and max(map(self._distance, self._early.values())) >= HOLD_PACKETS:
            pieces += [*self._given_up(), *self._in_order()]
        return False, Pieces(pieces) if pieces else None

    def _distance(self, packet: RtpPacket) -> int:
        """Places from the expected packet to this one, negative for one that comes too late."""
        ahead = (packet.sequence_number - (self._expected or 0)) & SEQUENCE_MASK
        return ahead - 0x10000 if ahead >= 0x8000 else ahead

    def _restart(self, packet: RtpPacket) -> None:
        self._early.clear()
        self._expected = packet.sequence_number
        self._timestamp = packet.timestamp

    def _in_order(self) -> list[Piece]:
        pieces: list[Piece] = []
        while (packet := self._early.pop(self._expected or 0, None)) is not None:
            self._advance()
            step = (packet.timestamp - self._timestamp) & TIMESTAMP_MASK
            if 0 < step <= MAX_TICKS:
                self._ticks = step
            self._timestamp = packet.timestamp
            payload: bytes = packet._data  # type: ignore[attr-defined]
            if payload:  # to FFmpeg an empty one means the stream's end
                pieces.append(Piece(payload, packet.timestamp, self._ticks))
        return pieces

    def _given_up(self) -> list[Piece]:
        pieces: list[Piece] = []
        while self._expected not in self._early:
            self._advance()
            self.lost += 1
            self._timestamp = (self._timestamp + self._ticks) & TIMESTAMP_MASK
            pieces.append(Piece(None, self._timestamp, self._ticks))
        return pieces

    def _advance(self) -> None:
        self._expected = ((self._expected or 0) + 1) & SEQUENCE_MASK


class MonoOpusDecoder(OpusDecoder):
    """Opus to 48 kHz mono s16, silence where a packet was lost."""

    def __init__(self) -> None:
        self.codec = av.CodecContext.create("libopus", "r")
        self.codec.format = "s16"
        self.codec.layout = "mono"
        self.codec.sample_rate = RATE_HZ

    def decode(self, encoded_frame: JitterFrame) -> list[Any]:
        if not isinstance(encoded_frame, Pieces):  # from a receiver that was made before `install`
            return list(super().decode(encoded_frame))
        first = encoded_frame.pieces[0].timestamp
        frames: list[Any] = []
        for piece in encoded_frame.pieces:
            # aiortc unwrapped the burst's own timestamp, so pieces count from there
            pts = encoded_frame.timestamp + ((piece.timestamp - first) & TIMESTAMP_MASK)
            frames += self._decode(piece, pts)
        return frames

    def _decode(self, piece: Piece, pts: int) -> list[Any]:
        if piece.payload is None:
            return [_silence(piece.ticks, pts)]
        packet = av.Packet(piece.payload)
        packet.pts, packet.time_base = pts, TIME_BASE
        return list(self.codec.decode(packet))


def _silence(ticks: int, pts: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="mono", samples=ticks)
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, pts, TIME_BASE
    return frame


def receive_buffer(capacity: int, prefetch: int = 0, is_video: bool = False) -> ReceiveBuffer | JitterBuffer:
    """Stands where a receiver expects the `JitterBuffer` class; video keeps aiortc's own."""
    return JitterBuffer(capacity, prefetch, is_video) if is_video else ReceiveBuffer()


def install() -> None:
    """Replace both for every receiver made from now on. Idempotent.

    Raises `RuntimeError` for an aiortc that has moved them: then this module needs a look.
    """
    _rebind(rtcrtpreceiver, "JitterBuffer", receive_buffer)
    _rebind(codecs, "OpusDecoder", MonoOpusDecoder)


def _rebind(module: ModuleType, name: str, replacement: object) -> None:
    if not hasattr(module, name):
        raise RuntimeError(
            f"This aiortc has no {module.__name__}.{name}, which calls depend on. Install aiortc 1.16.0."
        )
    setattr(module, name, replacement)
