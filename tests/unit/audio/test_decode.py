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
from tests.unit.audio.sound_files import encoded, header, levels, wav

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


async def test_a_recording_comes_out_as_it_is(file: IO[bytes]) -> None:
    with wave.open(str(RECORDING)) as recording:
        samples = recording.readframes(recording.getnframes())
    assert await decoded(file, RECORDING.read_bytes()) == samples


async def test_a_film_with_surround_sound_is_decoded(file: IO[bytes]) -> None:
    pcm = await decoded(file, encoded("mp4", "aac", layout="5.1", video="libx264"))
    assert len(pcm) / 32_000 == pytest.approx(1.0, abs=0.1)
    assert levels(pcm, 3) == pytest.approx([0.21, 0.21, 0.29], abs=0.02)


async def test_many_channels_of_unknown_places_are_decoded(file: IO[bytes]) -> None:
    pcm = await decoded(file, wav(1.0, 44_100, 6))
    assert levels(pcm, 6) == pytest.approx([1 / 6] * 6, abs=0.01)


async def test_one_file_can_be_decoded_twice_at_a_time(file: IO[bytes]) -> None:
    data = wav(20.0, 44_100, 1)
    file.write(data)
    file.flush()
    first, second = [[], []]  # type: list[bytes], list[bytes]
    async with aclosing(decode(file)) as one:
        async for chunk in one:
            first.append(chunk)
            if len(first) == 2:
                second = [chunk async for chunk in decode(file)]
    assert first == second
    assert file.tell() == len(data)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "The file is empty"),
        (header(size=0), "no sound"),
        (RECORDING.read_bytes()[:44], "cut off"),
        (b"\x5a\xc3" * 5000, "cannot be decoded"),
        (SDP, "session description"),
    ],
    ids=["empty", "header of nothing", "header only", "random", "sdp"],
)
async def test_what_is_no_audio_is_named(file: IO[bytes], data: bytes, fault: str) -> None:
    with pytest.raises(BadAudioError, match=fault) as caught:
        await decoded(file, data)
    assert caught.value.param == "file"


async def test_a_file_that_was_cut_off_is_named(file: IO[bytes]) -> None:
    with pytest.raises(BadAudioError, match="cut off"):
        await decoded(file, RECORDING.read_bytes()[:10_000])


async def test_a_small_file_of_endless_silence_is_stopped(file: IO[bytes]) -> None:
    bomb = _silent_flac(600)
    assert len(bomb) < 200_000
    with pytest.raises(TooLargeError, match="longer than the limit of 60 s") as caught:
        await decoded(file, bomb, DecodeLimits(duration=60))
    assert caught.value.code == "audio_too_long"


async def test_memory_is_limited(file: IO[bytes]) -> None:
    with pytest.raises(BadAudioError):
        await decoded(file, RECORDING.read_bytes(), DecodeLimits(memory_bytes=40 << 20))


async def test_processor_time_is_limited(file: IO[bytes]) -> None:
    with pytest.raises(BadAudioError, match="more memory or time"):
        await decoded(file, _silent_flac(1800), DecodeLimits(cpu_time=0))


async def test_a_file_that_keeps_the_decoder_busy_with_nothing_is_given_up(file: IO[bytes]) -> None:
    with pytest.raises(BadAudioError, match=r"stopped after 0\.01 s without any"):
        await decoded(file, RECORDING.read_bytes(), DecodeLimits(stall_deadline=0.01))


def test_a_longer_limit_comes_with_more_processor_time() -> None:
    assert DecodeLimits.lasting(7200) == DecodeLimits()
    assert DecodeLimits.lasting(60).cpu_time < DecodeLimits().cpu_time


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
