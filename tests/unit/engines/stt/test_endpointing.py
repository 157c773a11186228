"""Where speech starts and stops."""

import pytest

from sottovoce.engines.stt.endpointing import (
    Endpointer,
    EndpointingOptions,
    Happening,
    Speech,
    SpeechStarted,
    SpeechStopped,
)
from tests.unit.engines.stt.sounds import noise, recording, silence, tone

JOKE = recording("dialogue-tell-me-a-joke-slt")


def happenings(pcm: bytes, options: EndpointingOptions | None = None) -> list[Happening]:
    endpointer = Endpointer(options or EndpointingOptions())
    return [event for at in range(0, len(pcm), 999) for event in endpointer.push(pcm[at : at + 999])]


def marks(events: list[Happening]) -> list[Happening]:
    return [event for event in events if not isinstance(event, Speech)]


def test_an_utterance_is_found_with_its_padding_and_pause() -> None:
    events = happenings(silence(1.0) + JOKE + silence(1.0))
    started, stopped = marks(events)
    assert isinstance(started, SpeechStarted)
    assert started.audio_ms == pytest.approx(1100 - 300, abs=100)
    assert isinstance(stopped, SpeechStopped)
    assert stopped.audio_ms == pytest.approx(1000 + 969 + 500, abs=150)
    speech = b"".join(event.pcm for event in events if isinstance(event, Speech))
    assert len(speech) / 32 == pytest.approx(stopped.audio_ms - started.audio_ms, abs=20)


def test_steady_noise_is_no_speech() -> None:
    assert happenings(noise(3.0, 1000)) == []


def test_speech_is_found_in_noise_and_ends_in_it() -> None:
    endings = marks(happenings(_mixed(silence(1.0) + JOKE + silence(1.5), noise(3.6, 100))))
    assert [type(each) for each in endings] == [SpeechStarted, SpeechStopped]


def test_two_utterances_are_two() -> None:
    events = marks(happenings(silence(0.5) + JOKE + silence(0.8) + JOKE + silence(0.8)))
    assert [type(each) for each in events] == [SpeechStarted, SpeechStopped] * 2


def test_a_longer_wanted_silence_joins_them() -> None:
    options = EndpointingOptions(silence_duration_ms=1500)
    events = marks(happenings(silence(0.5) + JOKE + silence(0.8) + JOKE + silence(0.8), options))
    assert [type(each) for each in events] == [SpeechStarted]


def test_a_click_is_no_speech() -> None:
    assert happenings(silence(0.5) + tone(0.02, 300, 20_000) + silence(0.5)) == []


def test_after_a_reset_nothing_has_begun() -> None:
    endpointer = Endpointer(EndpointingOptions())
    endpointer.push(silence(0.5) + JOKE[: len(JOKE) // 2 // 2 * 2])
    assert endpointer.is_speaking
    endpointer.reset()
    assert not endpointer.is_speaking
    assert endpointer.push(silence(1.0)) == []


def _mixed(one: bytes, other: bytes) -> bytes:
    from array import array

    pairs = zip(array("h", one), array("h", other), strict=False)
    return array("h", [max(-32768, min(32767, a + b)) for a, b in pairs]).tobytes()
