"""The outgoing track in virtual time."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from sottovoce.audio.playout import FRAME_BYTES, PlayoutFrame
from sottovoce.realtime.webrtc_track import OUTPUT_DELAY, OpusEncoder, VoiceTrack


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class FakePlayout:
    def __init__(self, frames: list[bytes | None]) -> None:
        self.output_delay = 0.0
        self.frames = frames

    def pull(self) -> PlayoutFrame | None:
        samples = self.frames.pop(0) if self.frames else None
        return None if samples is None else PlayoutFrame("resp_1", "item_1", samples)


def tone(frames: int = 1) -> list[bytes]:
    wave = (np.sin(np.arange(480 * frames) * 2 * np.pi * 440 / 24_000) * 12_000).astype("<i2").tobytes()
    return [wave[start : start + FRAME_BYTES] for start in range(0, len(wave), FRAME_BYTES)]


def decoded(packets: list[Any]) -> np.ndarray:
    codec: Any = av.CodecContext.create("libopus", "r")
    codec.format, codec.layout, codec.sample_rate = "s16", "mono", 48_000
    return np.concatenate([frame.to_ndarray()[0] for made in packets for frame in codec.decode(made)])


async def test_packets_leave_every_20_ms_with_rtps_own_clock() -> None:
    clock = Clock()
    track = VoiceTrack(FakePlayout([]), clock=clock, sleep=clock.sleep)
    packets = [await track.recv() for _ in range(50)]
    assert [made.pts for made in packets] == [slot * 960 for slot in range(50)]
    assert {made.time_base for made in packets} == {Fraction(1, 48_000)}
    assert clock.now == pytest.approx(100.0 + 49 * 0.02)


async def test_what_is_played_is_what_was_pulled() -> None:
    clock = Clock()
    track = VoiceTrack(FakePlayout([*tone(50)]), clock=clock, sleep=clock.sleep)
    sound = decoded([await track.recv() for _ in range(50)]).astype(float)[24_000:43_200]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    assert np.argmax(spectrum) * 48_000 / sound.size == pytest.approx(440, abs=5)
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(12_000 / np.sqrt(2), rel=0.1)


async def test_silence_goes_out_when_there_is_nothing_to_play() -> None:
    clock = Clock()
    track = VoiceTrack(FakePlayout([]), clock=clock, sleep=clock.sleep)
    assert np.abs(decoded([await track.recv() for _ in range(10)])).max() <= 4


async def test_a_little_late_is_caught_up_and_very_late_is_skipped() -> None:
    clock = Clock()
    track = VoiceTrack(FakePlayout([]), clock=clock, sleep=clock.sleep)
    await track.recv()
    clock.now += 0.1
    assert [(await track.recv()).pts for _ in range(5)] == [960, 1920, 2880, 3840, 4800]
    assert clock.slept == []
    clock.now += 1.01
    late = [(await track.recv()).pts for _ in range(2)]
    assert late == [55 * 960, 56 * 960]
    assert len(clock.slept) == 1


async def test_tells_the_playout_how_far_the_ear_is_and_ends_when_stopped() -> None:
    playout, clock = FakePlayout([]), Clock()
    track = VoiceTrack(playout, clock=clock, sleep=clock.sleep)
    assert playout.output_delay == OUTPUT_DELAY
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()


def test_encoder_makes_one_packet_a_frame_from_the_first_on() -> None:
    encoder = OpusEncoder()
    sizes = [encoder.encode(samples, slot).size for slot, samples in enumerate(tone(10))]
    assert len(sizes) == 10
    assert all(0 < size < 400 for size in sizes)
