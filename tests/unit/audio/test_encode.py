"""Every format, decoded again by FFmpeg: the same speech, from the first packet on."""

from __future__ import annotations

import io
import wave

import av
import numpy as np
import numpy.typing as npt
import pytest

from sottovoce.audio.encode import ENCODINGS, UNKNOWN_SIZE, wav_header
from sottovoce.audio.packets import PacketFormat, Packets
from sottovoce.audio.resample import Resampler
from sottovoce.errors import EngineUnavailable
from tests.recordings import RATE_HZ as RECORDED_RATE_HZ
from tests.recordings import recording
from tests.sounds_alike import likeness

RATE_HZ = 24_000
PIECE_BYTES = 2 * 1200
CONTAINERS = {"mp3": "mp3", "opus": "ogg", "aac": "aac", "flac": "flac", "wav": "wav"}
MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


@pytest.fixture(scope="module")
def speech() -> bytes:
    """A spoken sentence, mono s16le at RATE_HZ."""
    resampler = Resampler(RECORDED_RATE_HZ, RATE_HZ)
    return resampler.push(recording("command-my-name-is-john-slt")) + resampler.flush()


def encoded(name: str, samples: bytes) -> list[bytes]:
    """What each piece and the end gave."""
    encoder = ENCODINGS[name].encoder(RATE_HZ)
    begins = range(0, len(samples), PIECE_BYTES)
    return [*(encoder.push(samples[begin : begin + PIECE_BYTES]) for begin in begins), encoder.flush()]


def decoded(name: str, data: bytes) -> npt.NDArray[np.int16]:
    """The samples in `data` at RATE_HZ, as far as they can be read; a packet cut in two ends them."""
    if name == "pcm":
        return np.frombuffer(data[: len(data) & ~1], "<i2")
    resampler, parts = av.AudioResampler("s16", "mono", RATE_HZ), []
    with av.open(io.BytesIO(data), format=CONTAINERS[name]) as container:
        try:
            for frame in container.decode(audio=0):
                parts += [one.to_ndarray()[0] for one in resampler.resample(frame)]
        except av.error.InvalidDataError:
            pass
        parts += [one.to_ndarray()[0] for one in resampler.resample(None)]
    return np.concatenate(parts)


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_same_speech_comes_out(name: str, speech: bytes) -> None:
    samples = decoded(name, b"".join(encoded(name, speech)))
    said = np.frombuffer(speech, "<i2")
    assert len(said) - 1 <= len(samples) < len(said) + 0.1 * RATE_HZ
    assert likeness(said, samples, RATE_HZ) > 0.95


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_stream_that_is_cut_can_be_heard_up_to_there(name: str, speech: bytes) -> None:
    data = b"".join(encoded(name, speech))
    samples = decoded(name, data[: len(data) // 2 + 1])
    said = np.frombuffer(speech, "<i2")[: len(samples)]
    assert 0.3 * len(speech) / 2 < len(samples) < 0.7 * len(speech) / 2
    assert likeness(said, samples, RATE_HZ) > 0.9


@pytest.mark.parametrize("name", ENCODINGS)
def test_sound_leaves_at_once_and_never_waits_longer_than_a_packet(name: str, speech: bytes) -> None:
    """What is decodable after each piece lags by 0.15 s at most: codecs look ahead, containers may not."""
    arrived, data = encoded(name, speech), b""
    for number, chunk in enumerate(arrived[:-1], 1):
        data += chunk
        pushed = number * PIECE_BYTES // 2
        if pushed > 0.15 * RATE_HZ:
            assert len(decoded(name, data)) > pushed - 0.15 * RATE_HZ
    assert sum(len(chunk) for chunk in arrived[:3]) > 0


def test_lossless_formats_lose_nothing(speech: bytes) -> None:
    for name in ("flac", "wav", "pcm"):
        assert decoded(name, b"".join(encoded(name, speech))).tobytes() == speech


def test_compressed_formats_are_small(speech: bytes) -> None:
    sizes = {name: len(b"".join(encoded(name, speech))) / len(speech) for name in ENCODINGS}
    assert sizes["flac"] < 0.8
    for name in ("mp3", "opus", "aac"):
        assert sizes[name] < 0.25


@pytest.mark.parametrize("name", ENCODINGS)
def test_an_encoder_may_be_dropped_in_the_middle(name: str, speech: bytes) -> None:
    for _ in range(20):
        ENCODINGS[name].encoder(RATE_HZ).push(speech[:PIECE_BYTES])


def test_media_types() -> None:
    assert {name: encoding.media_type for name, encoding in ENCODINGS.items()} == MEDIA_TYPES


@pytest.mark.parametrize("wanted", [PacketFormat("no-codec", "mp3"), PacketFormat("aac", "no-container")])
def test_a_codec_that_ffmpeg_lacks_is_named(wanted: PacketFormat) -> None:
    with pytest.raises(EngineUnavailable, match=r"PyAV cannot make .*no-co"):
        Packets(wanted, RATE_HZ)


def test_a_wav_of_known_length_is_read_by_the_standard_library(speech: bytes) -> None:
    with wave.open(io.BytesIO(wav_header(RATE_HZ, len(speech)) + speech)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
        assert file.readframes(file.getnframes()) == speech


def test_a_streamed_wav_says_that_its_length_is_unknown() -> None:
    header = ENCODINGS["wav"].encoder(RATE_HZ).flush()
    assert len(header) == 44
    assert header[4:8] == header[40:44] == UNKNOWN_SIZE.to_bytes(4, "little")
