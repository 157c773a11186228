"""When speech ends and replies begin, end and are heard: what every bench rests on."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from sottovoce.bench.speech import (
    FRAME_SAMPLES,
    NOISE,
    RATE_HZ,
    Ear,
    Mouth,
    Playback,
    Samples,
    read_recording,
)


def sound(*parts: tuple[int, float]) -> Samples:
    """Levels, each for so many seconds."""
    return np.concatenate([np.full(round(seconds * RATE_HZ), level, np.int16) for level, seconds in parts])


def test_the_first_and_the_last_audible_sample_are_where_they_play() -> None:
    playback = Playback()
    playback.play(10.0, sound((0, 0.01), (3000, 0.005), (0, 0.005)))
    assert playback.first_loud == pytest.approx(10.01)
    assert playback.last_loud == pytest.approx(10.015, abs=1e-4)


def test_what_comes_early_plays_when_the_sound_before_it_ends() -> None:
    playback = Playback()
    playback.play(10.0, sound((NOISE, 0.5)))
    playback.play(10.1, sound((3000, 0.02)))
    assert playback.first_loud == pytest.approx(10.5)


def test_what_comes_late_plays_when_it_comes() -> None:
    playback = Playback()
    playback.play(10.0, sound((3000, 0.02)))
    playback.play(11.0, sound((3000, 0.02), (0, 0.02)))
    assert playback.last_loud == pytest.approx(11.02, abs=1e-4)


def test_noise_and_silence_are_never_audible() -> None:
    playback = Playback()
    playback.play(10.0, sound((NOISE, 0.1), (-NOISE, 0.1), (0, 0.1)))
    assert (playback.first_loud, playback.last_loud) == (None, None)


def test_the_loudest_negative_sample_is_audible() -> None:
    playback = Playback()
    playback.play(10.0, sound((-32_768, 0.02)))
    assert playback.first_loud == pytest.approx(10.0)


async def test_an_ear_that_listens_anew_forgets_the_reply_before() -> None:
    ear = Ear()
    ear.hear(sound((3000, 0.02)))
    before = await ear.first_sound()
    ear.listen_anew()
    waiting = asyncio.create_task(ear.first_sound())
    await asyncio.sleep(0)
    ear.hear(sound((0, 0.02)))
    assert not waiting.done()
    ear.hear(sound((3000, 0.02)))
    assert await waiting > before


async def test_speech_ends_when_its_last_frame_is_sent() -> None:
    mouth = Mouth()
    speaking = asyncio.create_task(mouth.speak(sound((3000, 0.03))))
    await asyncio.sleep(0)
    levels = []
    for _ in range(3):
        levels.append([abs(int(level) - 3000) <= NOISE for level in mouth.frame()])
        assert not speaking.done()
        mouth.sent()
        await asyncio.sleep(0)
        if speaking.done():
            break
    assert [sum(frame) for frame in levels] == [FRAME_SAMPLES, FRAME_SAMPLES // 2]
    assert len(levels) == 2


async def test_noise_goes_on_where_nothing_is_said() -> None:
    frame = Mouth().frame()
    assert len(frame) == FRAME_SAMPLES
    assert 0 < np.abs(frame).max() <= NOISE


async def test_who_cannot_be_heard_any_more_is_told_while_speaking_and_later() -> None:
    mouth = Mouth()
    speaking = asyncio.create_task(mouth.speak(sound((3000, 1.0))))
    await asyncio.sleep(0)
    mouth.fail(ConnectionError("gone"))
    with pytest.raises(ConnectionError, match="gone"):
        await speaking
    with pytest.raises(ConnectionError, match="gone"):
        await mouth.speak(sound((3000, 0.02)))


def test_a_recording_ends_with_its_speech(tmp_path: Path) -> None:
    path = tmp_path / "said.wav"
    with wave.open(str(path), "wb") as writer:
        writer.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        writer.writeframes(sound((0, 0.3), (3000, 0.2), (NOISE, 0.3)).tobytes())
    assert len(read_recording(path)) == pytest.approx(0.2 * RATE_HZ, abs=2)
