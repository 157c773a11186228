"""What each channel counts for in the one that is left."""

from __future__ import annotations

import io
from math import sqrt

import av
import numpy as np
import pytest

from sottovoce.audio.decode import SAMPLE_RATE_HZ
from sottovoce.audio.decode_container import FaultyFileError, frames
from sottovoce.audio.decode_mixdown import MAX_CHANNELS, Mixdown
from tests.unit.audio.sound_files import encoded, levels, tones, wav

CENTRE, SURROUND = sqrt(2), 0.5 * sqrt(2)
WEIGHTS = {
    # left and right count 1
    "mono": [1],
    "stereo": [1, 1],
    "2.1": [1, 1, 0],
    "3.0": [1, 1, CENTRE],
    "quad": [1, 1, SURROUND, SURROUND],
    "5.0": [1, 1, CENTRE, SURROUND, SURROUND],
    "5.1": [1, 1, CENTRE, 0, SURROUND, SURROUND],
    "5.1(side)": [1, 1, CENTRE, 0, SURROUND, SURROUND],
    "7.1": [1, 1, CENTRE, 0, SURROUND, SURROUND, SURROUND, SURROUND],
}


def mixed(data: bytes) -> bytes:
    return b"".join(Mixdown(SAMPLE_RATE_HZ).mix(frames(io.BufferedReader(io.BytesIO(data)))))


def share(weights: list[float]) -> list[float]:
    return [weight / sum(weights) for weight in weights]


@pytest.mark.parametrize(
    ("layout", "container", "codec"),
    [
        # packed samples
        *((layout, "wav", "pcm_f32le") for layout in WEIGHTS if layout not in ("mono", "stereo")),
        *((layout, "flac", "flac") for layout in ("mono", "stereo", "3.0", "quad", "5.1", "7.1")),
        ("7.1", "wav", "pcm_s24le"),
        ("5.1(side)", "caf", "pcm_s16le"),
        # planar ones
        *((layout, "ogg", "libopus") for layout in ("stereo", "3.0", "quad", "5.1", "7.1")),
        *((layout, "ipod", "aac") for layout in ("mono", "stereo", "3.0", "5.1")),
        ("5.1(side)", "matroska", "ac3"),
        ("5.1", "ipod", "alac"),
    ],
)
def test_channels_of_known_places_are_mixed_as_itu_says(layout: str, container: str, codec: str) -> None:
    weights = WEIGHTS[layout]
    heard = levels(mixed(encoded(container, codec, layout=layout)), len(weights))
    wanted = share(weights)
    if codec in ("aac", "libopus", "ac3"):  # these filter or drop parts of the low-frequency channel
        heard = [level for level, weight in zip(heard, weights, strict=True) if weight]
        wanted = [level for level in wanted if level]
    assert heard == pytest.approx(wanted, abs=0.03)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 8, 9, 16, MAX_CHANNELS])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_channels_of_unknown_places_count_the_same(channels: int, rate: int) -> None:
    heard = levels(mixed(wav(1.0, rate, channels)), channels)
    assert heard == pytest.approx([1 / channels] * channels, abs=0.01)


def test_full_scale_on_all_channels_does_not_clip() -> None:
    loud = np.full((6, 16_000), 0.999, np.float32)
    for layout in ("5.1", "6 channels"):
        frame = av.AudioFrame.from_ndarray(loud, "fltp", layout)
        frame.rate = 16_000
        samples = np.frombuffer(b"".join(Mixdown(SAMPLE_RATE_HZ).mix([frame])), np.int16)
        assert samples[8000] == pytest.approx(0.999 * 32_768, abs=40)
        assert samples.min() >= 0


def test_shapes_may_change_in_the_middle() -> None:
    def frame(layout: str, rate: int, form: str) -> av.AudioFrame:
        sound = tones(av.AudioLayout(layout).nb_channels, 0.5, rate)
        made = av.AudioFrame.from_ndarray(sound, "fltp", layout)
        made.rate = rate
        (converted,) = av.AudioResampler(form, layout, rate).resample(made)
        return converted

    shapes = [
        ("mono", 16_000, "s16"),
        ("stereo", 44_100, "fltp"),
        ("5 channels", 48_000, "s32"),
        ("mono", 8000, "u8"),
    ]
    pcm = b"".join(Mixdown(SAMPLE_RATE_HZ).mix(frame(*shape) for shape in shapes))
    assert len(pcm) / 2 == pytest.approx(2 * SAMPLE_RATE_HZ, abs=100)


@pytest.mark.parametrize("rate", [999, 768_001])
def test_rates_that_nobody_records_are_refused(rate: int) -> None:
    frame = av.AudioFrame("s16", "mono", 10)
    frame.rate = rate
    with pytest.raises(FaultyFileError, match=f"{rate} samples a second"):
        list(Mixdown(SAMPLE_RATE_HZ).mix([frame]))


def test_too_many_channels_are_refused() -> None:
    frame = av.AudioFrame("s16", f"{MAX_CHANNELS + 1} channels", 10)
    frame.rate = 48_000
    with pytest.raises(FaultyFileError, match="65 channels"):
        list(Mixdown(SAMPLE_RATE_HZ).mix([frame]))
