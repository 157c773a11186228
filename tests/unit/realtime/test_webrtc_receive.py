"""The receive path against simulated networks: one packet every 20 ms, delays in ms behind the sender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import pytest
from aiortc import codecs, rtcrtpreceiver
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from sottovoce.realtime import webrtc_receive
from sottovoce.realtime.webrtc_receive import DEFAULT_TICKS, MonoOpusDecoder, Pieces, ReceiveBuffer

FIRST_SEQUENCE = 65_500  # both wrap within a run
FIRST_TIMESTAMP = 2**32 - 10 * DEFAULT_TICKS


def packet(index: int, payload: bytes = b"x", first_sequence: int = FIRST_SEQUENCE) -> RtpPacket:
    made = RtpPacket(
        payload_type=111,
        sequence_number=(first_sequence + index) % 2**16,
        timestamp=(FIRST_TIMESTAMP + index * DEFAULT_TICKS) % 2**32,
    )
    made._data = payload  # type: ignore[attr-defined]
    return made


@dataclass
class Heard:
    played: list[int] = field(default_factory=list)
    silenced: list[int] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)


def listen(buffer: ReceiveBuffer, arrivals: Sequence[int | None]) -> Heard:
    """One arrival (or None, a lost packet) every 20 ms."""
    heard = Heard()
    for now, index in enumerate(arrivals):
        if index is None:
            continue
        _, pieces = buffer.add(packet(index))
        for piece in pieces.pieces if isinstance(pieces, Pieces) else ():
            number = (piece.timestamp - FIRST_TIMESTAMP) % 2**32 // DEFAULT_TICKS
            (heard.silenced if piece.payload is None else heard.played).append(number)
            heard.delays.append((now - number) * 20)
    return heard


def losing(*lost: int, count: int = 80) -> list[int | None]:
    return [None if index in lost else index for index in range(count)]


@pytest.mark.parametrize(
    ("lost", "worst_ms"),
    [((), 0), ((30,), 40), ((30, 31), 40), ((30, 50, 60), 40), ((30, 31, 32, 33, 34), 100)],
)
def test_lost_packets_cost_no_lasting_delay(lost: tuple[int, ...], worst_ms: int) -> None:
    buffer = ReceiveBuffer()
    heard = listen(buffer, losing(*lost))
    assert heard.silenced == list(lost)
    assert heard.played == [index for index in range(80) if index not in lost]
    assert (heard.delays[0], heard.delays[-1], max(heard.delays)) == (0, 0, worst_ms)
    assert (buffer.lost, buffer.dropped) == (len(lost), 0)


def test_stock_buffer_shows_that_the_measure_can_fail() -> None:
    """aiortc's own buffer, one packet lost: what this module is there to cure."""
    stock, delays = JitterBuffer(capacity=16, prefetch=4), []
    for now, index in enumerate(losing(30)):
        if index is not None and (frame := stock.add(packet(index))[1]) is not None:
            delays.append((now - (frame.timestamp - FIRST_TIMESTAMP) % 2**32 // DEFAULT_TICKS) * 20)
    assert (delays[0], delays[-1]) == (80, 280)


def test_a_reordered_packet_is_waited_for() -> None:
    order = [*range(30), 31, 30, *range(32, 80)]
    heard = listen(ReceiveBuffer(), order)
    assert heard.played == list(range(80))
    assert heard.silenced == []
    assert (heard.delays[-1], max(heard.delays)) == (0, 20)


def test_duplicates_and_latecomers_are_dropped() -> None:
    buffer = ReceiveBuffer()
    heard = listen(buffer, [0, 1, 1, 2, 0, 4, 4, 6, 3, 7])
    assert heard.played == [0, 1, 2, 4, 6, 7]
    assert heard.silenced == [3, 5]
    assert buffer.dropped == 4


@pytest.mark.parametrize("first_sequence", [10_000, 64_000, 40_000, (FIRST_SEQUENCE + 32_768) % 2**16])
def test_a_sender_that_starts_anew_is_followed_at_once(first_sequence: int) -> None:
    buffer = ReceiveBuffer()
    listen(buffer, range(5))
    for index in range(5):
        assert buffer.add(packet(index, first_sequence=first_sequence))[1] is not None
    assert (buffer.lost, buffer.dropped) == (0, 0)


def test_nothing_is_kept_of_a_stream_that_never_closes_its_gaps() -> None:
    buffer = ReceiveBuffer()
    listen(buffer, range(0, 20_000, 2))
    assert len(buffer._early) < webrtc_receive.HOLD_PACKETS


def square_wave(slots: int) -> list[bytes]:
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.format, encoder.layout, encoder.sample_rate = "s16", "mono", 48_000
    encoder.bit_rate, encoder.time_base = 32_000, Fraction(1, 48_000)
    frame = av.AudioFrame(format="s16", layout="mono", samples=960)
    frame.planes[0].update((b"\x00\x20" * 48 + b"\x00\xe0" * 48) * 10)
    frame.sample_rate = 48_000
    return [bytes(made) for _ in range(slots) for made in encoder.encode(frame)]


def test_decodes_to_mono_with_silence_for_lost_and_nothing_for_empty_packets() -> None:
    buffer, decoder, frames = ReceiveBuffer(), MonoOpusDecoder(), []
    for index, payload in enumerate(square_wave(40)):
        if index == 20:
            continue
        _, pieces = buffer.add(packet(index, b"" if index == 30 else payload))
        if pieces is not None:
            pieces.timestamp = (pieces.timestamp - FIRST_TIMESTAMP) % 2**32  # as aiortc unwraps it
            frames += decoder.decode(pieces)
    assert {(frame.layout.name, frame.sample_rate, frame.samples) for frame in frames} == {
        ("mono", 48_000, 960)
    }
    assert [frame.pts for frame in frames] == [index * 960 for index in range(40) if index != 30]
    assert [frame.pts for frame in frames if not any(bytes(frame.planes[0]))] == [20 * 960]


def test_install_puts_both_in_the_way_of_new_receivers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtcrtpreceiver, "JitterBuffer", JitterBuffer)
    monkeypatch.setattr(codecs, "OpusDecoder", codecs.OpusDecoder)
    webrtc_receive.install()
    webrtc_receive.install()
    opus = next(codec for codec in codecs.CODECS["audio"] if codec.name == "opus")
    assert isinstance(codecs.get_decoder(opus), MonoOpusDecoder)
    made: Any = rtcrtpreceiver.JitterBuffer
    assert isinstance(made(capacity=16, prefetch=4), ReceiveBuffer)
    assert isinstance(made(capacity=512, is_video=True), JitterBuffer)


def test_install_says_so_when_aiortc_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(rtcrtpreceiver, "JitterBuffer")
    with pytest.raises(RuntimeError, match=r"JitterBuffer.*aiortc 1\.16\.0"):
        webrtc_receive.install()
