"""Where speech is cut, and that nothing is lost, doubled or moved."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.engines.stt.base import BYTES_PER_SECOND
from sottovoce.engines.stt.segmenting import LONGEST, PADDING, Part, Segmenter
from sottovoce.engines.stt.vad import FRAME, FRAME_BYTES, silero
from tests.recordings import recording
from tests.unit.engines.stt.loud_is_voice import LoudIsVoice, check_places, silence, voice


def cut(audio: bytes, piece_bytes: int = 3200) -> list[Part]:
    segmenter = Segmenter(LoudIsVoice())
    parts = [
        part
        for at in range(0, len(audio), piece_bytes)
        for part in segmenter.push(audio[at : at + piece_bytes])
    ]
    last = segmenter.finish()
    return [*parts, last] if last else parts


def test_silence_is_no_part() -> None:
    assert cut(silence(40.0)) == []


def test_a_click_is_no_part() -> None:
    assert cut(silence(1.0) + voice(0.03) + silence(2.0)) == []


def test_a_short_word_is_one() -> None:
    audio = silence(1.0) + voice(0.2) + silence(2.0)
    [part] = cut(audio)
    assert part.start == pytest.approx(1.0 - PADDING, abs=2 * FRAME)
    assert part.start + part.duration == pytest.approx(1.2 + PADDING, abs=2 * FRAME)


def test_a_pause_ends_a_part() -> None:
    audio = voice(3.0) + silence(1.0) + voice(2.0)
    first, second = cut(audio)
    check_places([first, second], audio)
    assert first.duration == pytest.approx(3.0 + PADDING, abs=2 * FRAME)
    assert second.start == pytest.approx(4.0 - PADDING, abs=2 * FRAME)
    assert second.start + second.duration == pytest.approx(6.0)


def test_a_breath_does_not_end_a_short_part_but_a_long_one() -> None:
    breath = silence(0.4)
    assert len(cut(voice(3.0) + breath + voice(3.0))) == 1
    assert len(cut(voice(9.0) + breath + voice(3.0))) == 2


def test_between_two_words_a_part_of_fifteen_seconds_ends() -> None:
    audio = voice(16.0) + silence(0.15) + voice(3.0)
    first, second = cut(audio)
    check_places([first, second], audio)
    assert first.duration == pytest.approx(16.1, abs=0.1)


def test_speech_without_pauses_is_cut_where_a_voice_is_least_likely() -> None:
    audio = voice(20.0) + voice(0.2, likely=0.6) + voice(30.0)
    parts = cut(audio)
    check_places(parts, audio)
    assert parts[0].duration == pytest.approx(20.1, abs=0.1)
    assert max(part.duration for part in parts) <= LONGEST
    assert b"".join(part.pcm for part in parts) == audio  # nothing is lost where there is no silence


def test_no_part_is_longer_than_what_a_model_hears() -> None:
    assert max(part.duration for part in cut(voice(100.0))) <= LONGEST


def test_an_unfinished_frame_belongs_to_the_last_part() -> None:
    audio = voice(1.0) + voice(0.011)
    assert len(audio) % FRAME_BYTES
    [part] = cut(audio)
    assert part.pcm == audio


def test_after_the_end_times_begin_anew() -> None:
    segmenter = Segmenter(LoudIsVoice())
    segmenter.push(silence(5.0) + voice(1.0))
    first = segmenter.finish()
    segmenter.push(voice(1.0))
    second = segmenter.finish()
    assert first is not None
    assert second is not None
    assert (round(first.start), second.start) == (5, 0.0)


def test_a_reset_forgets_what_was_begun() -> None:
    segmenter = Segmenter(LoudIsVoice())
    segmenter.push(voice(3.0))
    segmenter.reset()
    assert segmenter.finish() is None


def test_hours_of_silence_keep_nothing() -> None:
    segmenter = Segmenter(LoudIsVoice())
    for _ in range(100):
        segmenter.push(silence(2.0))
    assert segmenter.kept_bytes < BYTES_PER_SECOND


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.0, 12.0), st.floats(0.0, 1.0)), min_size=1, max_size=8),
    st.integers(0, 2**16),
)
def test_parts_are_the_audio_at_their_times(stretches: list[tuple[float, float]], seed: int) -> None:
    audio = b"".join(voice(seconds, likely) for seconds, likely in stretches)
    pieces, at = random.Random(seed), 0
    segmenter, parts = Segmenter(LoudIsVoice()), []
    while at < len(audio):
        size = 2 * pieces.randrange(1, 40_000)
        parts += segmenter.push(audio[at : at + size])
        assert segmenter.kept_bytes <= (LONGEST + 1) * BYTES_PER_SECOND
        at += size
    if last := segmenter.finish():
        parts.append(last)
    check_places(parts, audio)
    assert all(part.duration <= LONGEST + FRAME for part in parts)


def test_silero_hears_quiet_speech_and_no_noise() -> None:
    random_ = random.Random(3)
    speech = recording("dialogue-what-time-is-it-slt")
    samples = memoryview(speech).cast("h")
    quiet = b"".join((sample // 16).to_bytes(2, "little", signed=True) for sample in samples)
    noise = b"".join(random_.randrange(-300, 300).to_bytes(2, "little", signed=True) for _ in range(48_000))
    segmenter = Segmenter(silero())
    parts = segmenter.push(noise + quiet + silence(1.0))
    [part] = parts
    assert part.start == pytest.approx(3.0, abs=0.5)
    assert part.duration == pytest.approx(len(quiet) / BYTES_PER_SECOND, abs=0.7)
