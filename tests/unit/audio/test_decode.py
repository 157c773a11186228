"""Uploads: what is audio comes out, what is not is named, nothing costs more than its limits."""

import io
import wave
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import av
import numpy as np
import psutil
import pytest

from sottovoce.audio.decode import CHUNK_BYTES, DecodeLimits, decode
from sottovoce.errors import BadAudioError, TooLargeError

pytestmark = pytest.mark.end_to_end

RECORDING = Path(__file__).parents[2] / "data" / "recordings" / "dialogue-tell-me-a-joke-slt.wav"
SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"


@pytest.fixture
def file() -> Iterator[IO[bytes]]:
    with TemporaryFile() as file:
        yield file


async def decoded(file: IO[bytes], data: bytes, limits: DecodeLimits | None = None) -> bytes:
    file.write(data)
    file.flush()
    chunks = [chunk async for chunk in decode(file, limits)]
    assert all(len(chunk) == CHUNK_BYTES for chunk in chunks[:-1])
    return b"".join(chunks)


def encoded(container: str, codec: str, seconds: float, rate: int = 48_000, frame: int = 960) -> bytes:
    """Stereo with 440 Hz on the left."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="stereo")
        wanted = stream.format.name
        for number in range(int(seconds * rate / frame)):
            times = (np.arange(frame) + number * frame) / rate
            left = (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
            sound = av.AudioFrame.from_ndarray(np.stack([left, 0 * left]), "fltp", "stereo")
            sound.rate, sound.pts = rate, number * frame
            for converted in av.AudioResampler(wanted, "stereo", rate).resample(sound):
                output.mux(stream.encode(converted))
        output.mux(stream.encode(None))
    return target.getvalue()


def wav(seconds: float, rate: int, channels: int, sample_bytes: int = 2) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as output:
        output.setnchannels(channels)
        output.setsampwidth(sample_bytes)
        output.setframerate(rate)
        output.writeframes(bytes(int(seconds * rate) * channels * sample_bytes))
    return target.getvalue()


async def test_a_recording_comes_out_as_it_is(file: IO[bytes]) -> None:
    with wave.open(str(RECORDING)) as recording:
        samples = recording.readframes(recording.getnframes())
    assert await decoded(file, RECORDING.read_bytes()) == samples


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp3", "libmp3lame"), ("ogg", "libopus"), ("webm", "libopus"), ("mp4", "aac"), ("flac", "flac")],
)
async def test_usual_formats_are_decoded(file: IO[bytes], container: str, codec: str) -> None:
    frame = 1152 if codec == "libmp3lame" else 1024 if codec == "aac" else 960
    pcm = await decoded(file, encoded(container, codec, 2.5, frame=frame))
    samples = np.frombuffer(pcm, np.int16)
    assert len(samples) / 16_000 == pytest.approx(2.5, abs=0.12)
    loudest = np.argmax(np.abs(np.fft.rfft(samples[8000:24_000])))
    assert loudest == pytest.approx(440, abs=2)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 2), (96_000, 6)])
async def test_any_rate_and_number_of_channels(file: IO[bytes], rate: int, channels: int) -> None:
    pcm = await decoded(file, wav(1.5, rate, channels))
    assert len(pcm) / 32_000 == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "empty"),
        (RECORDING.read_bytes()[:44], "no sound"),
        (b"\x5a\xc3" * 5000, "no audio"),
        (b"<html><body>hello</body></html>", "no audio"),
        (SDP, "no audio"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "no audio"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no audio"),
    ],
    ids=["empty", "header only", "random", "html", "sdp", "playlist", "concat"],
)
async def test_what_is_no_audio_is_named(file: IO[bytes], data: bytes, fault: str) -> None:
    with pytest.raises(BadAudioError, match=fault) as caught:
        await decoded(file, data)
    assert caught.value.param == "file"


async def test_a_truncated_file_yields_what_it_has(file: IO[bytes]) -> None:
    assert 0 < len(await decoded(file, RECORDING.read_bytes()[:10_000])) <= 10_000


async def test_a_small_file_of_endless_silence_is_stopped(file: IO[bytes]) -> None:
    bomb = _silent_flac(600)
    assert len(bomb) < 200_000
    with pytest.raises(TooLargeError, match="longer than 60 s") as caught:
        await decoded(file, bomb, DecodeLimits(duration=60))
    assert caught.value.code == "audio_too_long"


async def test_memory_is_limited(file: IO[bytes]) -> None:
    with pytest.raises(BadAudioError):
        await decoded(file, RECORDING.read_bytes(), DecodeLimits(memory_bytes=40 << 20))


async def test_processor_time_is_limited(file: IO[bytes]) -> None:
    with pytest.raises(BadAudioError, match="more memory or time"):
        await decoded(file, _silent_flac(1800), DecodeLimits(cpu_time=0))


async def test_wall_time_is_limited(file: IO[bytes]) -> None:
    with pytest.raises(BadAudioError, match=r"within 0\.01 s"):
        await decoded(file, RECORDING.read_bytes(), DecodeLimits(wall_time=0.01))


async def test_the_child_ends_when_the_rest_is_not_wanted(file: IO[bytes]) -> None:
    file.write(wav(120, 16_000, 1))
    file.flush()
    before = set(psutil.Process().children())  # other tests' browsers
    async with aclosing(decode(file)) as chunks:
        assert len(await anext(chunks)) == CHUNK_BYTES
        children = set(psutil.Process().children()) - before
        assert children
    assert not any(child.is_running() for child in children)


def _silent_flac(seconds: int) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="flac") as output:
        stream = output.add_stream("flac", rate=16_000, layout="mono")
        silence = np.zeros((1, 4608), np.int16)
        for number in range(seconds * 16_000 // 4608):
            frame = av.AudioFrame.from_ndarray(silence, "s16", "mono")
            frame.rate, frame.pts = 16_000, number * 4608
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()
