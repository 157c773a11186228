"""Slower speech: longer, at the same pitch, all of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np
import pytest

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.stretch import Stretcher, stretch

RATE_HZ = 22_050
TONE = (8000 * np.sin(2 * np.pi * 200 * np.arange(2 * RATE_HZ) / RATE_HZ)).astype("<i2").tobytes()


def pitch_hz(samples: bytes) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(np.frombuffer(samples, "<i2")))
    return float(spectrum.argmax() * RATE_HZ / (len(samples) // 2))


@pytest.mark.parametrize("tempo", [0.5, 0.6, 1.0, 2.0])
def test_the_length_changes_and_the_pitch_does_not(tempo: float) -> None:
    stretcher, out = Stretcher(tempo, RATE_HZ), b""
    for begin in range(0, len(TONE), 2646):
        out += stretcher.push(TONE[begin : begin + 2646])
    out += stretcher.flush()
    assert len(out) == pytest.approx(len(TONE) / tempo, rel=0.03)
    assert pitch_hz(out) == pytest.approx(200, abs=3)


def test_it_lags_by_a_tenth_of_a_second_or_so() -> None:
    stretcher = Stretcher(0.5, RATE_HZ)
    assert stretcher.push(b"") == b""
    out = stretcher.push(TONE[: 2 * RATE_HZ])  # a second
    assert 2 * 0.85 < len(out) / (2 * RATE_HZ) <= 2


@pytest.mark.parametrize("tempo", [0.0, 0.49, 2.1, -1, float("nan")])
def test_a_tempo_out_of_range_is_an_error(tempo: float) -> None:
    with pytest.raises(ValueError, match="tempo"):
        Stretcher(tempo, RATE_HZ)


async def frames_of(samples: bytes, closed: list[bool]) -> AsyncGenerator[AudioFrame]:
    try:
        for begin in range(0, len(samples), 2646):
            yield AudioFrame(samples[begin : begin + 2646], RATE_HZ)
    finally:
        closed.append(True)


async def test_frames_are_stretched_as_they_come() -> None:
    closed: list[bool] = []
    frames = [frame async for frame in stretch(frames_of(TONE, closed), 0.5)]
    assert sum(frame.duration for frame in frames) == pytest.approx(4, rel=0.03)
    assert {frame.sample_rate for frame in frames} == {RATE_HZ}
    assert len(frames) > 10


async def test_who_stops_early_stops_the_speaker() -> None:
    closed: list[bool] = []
    frames = stretch(frames_of(TONE, closed), 0.5)
    await anext(frames)
    await frames.aclose()
    assert closed == [True]


async def test_nothing_stays_nothing() -> None:
    assert [frame async for frame in stretch(frames_of(b"", []), 0.5)] == []
