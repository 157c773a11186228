import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.audio.resample import MAX_RATE_HZ, Resampler


def tone(rate_hz: int, frequency_hz: float = 440.0, seconds: float = 1.0) -> bytes:
    at = np.arange(round(rate_hz * seconds)) / rate_hz
    return (10_000 * np.sin(2 * np.pi * frequency_hz * at)).astype("<i2").tobytes()


def loudest_hz(samples: bytes, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(np.frombuffer(samples, dtype="<i2").astype(float)))
    return float(spectrum.argmax()) * rate_hz / (len(samples) // 2)


def assert_alike(got: bytes, expected: bytes) -> None:
    """Equal but for soxr's dither of a bit or two."""
    assert len(got) == len(expected)
    difference = np.frombuffer(got, dtype="<i2").astype(int) - np.frombuffer(expected, dtype="<i2")
    assert np.abs(difference).max() <= 3


@pytest.mark.parametrize(
    ("rate_in_hz", "rate_out_hz"), [(22_050, 24_000), (24_000, 16_000), (48_000, 16_000)]
)
def test_pitch_and_duration_stay(rate_in_hz: int, rate_out_hz: int) -> None:
    resampler = Resampler(rate_in_hz, rate_out_hz)
    samples = resampler.push(tone(rate_in_hz)) + resampler.flush()
    assert abs(len(samples) // 2 - rate_out_hz) <= 1
    assert abs(loudest_hz(samples, rate_out_hz) - 440) < 2


@given(st.lists(st.integers(0, 4001), max_size=12))
def test_how_the_stream_is_cut_makes_no_difference(cuts: list[int]) -> None:
    whole = tone(22_050, seconds=0.1)
    once = Resampler(22_050, 24_000)
    expected = once.push(whole) + once.flush()
    pieces = Resampler(22_050, 24_000)
    got, at = b"", 0
    for cut in [*cuts, len(whole)]:
        got, at = got + pieces.push(whole[at : at + cut]), at + cut
    assert_alike(got + pieces.flush(), expected)


def test_the_first_chunk_gives_samples_at_once() -> None:
    assert len(Resampler(22_050, 24_000).push(tone(22_050, seconds=0.06))) > 2 * 24_000 * 0.03


def test_equal_rates_pass_through() -> None:
    resampler = Resampler(16_000, 16_000)
    assert resampler.push(b"\1\2\3") + resampler.push(b"\4") + resampler.flush() == b"\1\2\3\4"


def test_a_flushed_resampler_begins_anew() -> None:
    resampler = Resampler(22_050, 24_000)
    first = resampler.push(tone(22_050)) + resampler.flush()
    assert_alike(resampler.push(tone(22_050)) + resampler.flush(), first)


@pytest.mark.parametrize("rate_hz", [0, -1, MAX_RATE_HZ + 1])
def test_impossible_rates_are_refused(rate_hz: int) -> None:
    with pytest.raises(ValueError, match="no sample rate"):
        Resampler(rate_hz, 24_000)
    with pytest.raises(ValueError, match="no sample rate"):
        Resampler(24_000, rate_hz)
