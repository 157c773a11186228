"""Levels: quiet and loud speech come out alike, nothing clips, nothing pumps."""

from array import array

import pytest

from sottovoce.engines.stt.loudness import FULL_SCALE, MAX_GAIN, TARGET, Loudness
from tests.unit.engines.stt.sounds import loudest_frame, noise, recording, scaled, silence, tone

SPEECH = recording("dialogue-set-a-timer-for-ten-minutes-slt")


def levelled(loudness: Loudness, pcm: bytes, step: int = 640) -> bytes:
    parts = [loudness.push(pcm[at : at + step]) for at in range(0, len(pcm), step)]
    return b"".join([*parts, loudness.finish()])


@pytest.mark.parametrize("gain", [0.1, 0.5, 1.0, 1.9])
def test_speech_of_any_level_comes_out_at_the_target(gain: float) -> None:
    out = levelled(Loudness(), scaled(SPEECH, gain))
    assert len(out) == len(SPEECH)
    assert loudest_frame(out) == pytest.approx(TARGET, rel=0.25)


def test_nothing_clips_when_speech_suddenly_gets_loud() -> None:
    loudness = Loudness()
    levelled(loudness, scaled(SPEECH, 0.05))
    out = array("h", levelled(loudness, scaled(SPEECH, 1.9)))
    assert max(map(abs, out)) <= FULL_SCALE


def test_the_gain_holds_through_an_utterance_of_a_known_voice() -> None:
    loudness = Loudness()
    levelled(loudness, tone(1.0, 200))
    out = levelled(loudness, tone(0.5, 200, 1000) + tone(0.5, 200, 3000) + tone(0.5, 200, 1000))
    third = len(out) // 3
    assert loudest_frame(out[:third]) == pytest.approx(loudest_frame(out[2 * third :]), rel=0.01)


def test_noise_is_not_raised_to_the_level_of_speech() -> None:
    assert loudest_frame(levelled(Loudness(), noise(1.0, 10))) <= MAX_GAIN * 10 * 1.3


def test_silence_stays_silent_whatever_the_size_of_chunks() -> None:
    pcm = silence(0.5) + b"\0\0" * 7
    assert levelled(Loudness(), pcm, step=101 * 2) == pcm


def test_what_an_utterance_held_back_is_dropped_with_it() -> None:
    loudness = Loudness()
    assert loudness.push(tone(0.1, 200)) == b""
    loudness.reset()
    assert levelled(loudness, tone(0.2, 200)) != b""
    assert len(levelled(loudness, tone(0.2, 200))) == len(tone(0.2, 200))
