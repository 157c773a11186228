"""All the words out of Whisper, and only them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ
from sottovoce.engines.stt.sherpa_offline.files import ModelFiles
from sottovoce.engines.stt.sherpa_offline.whisper import LONGEST, SHORTEST, Samples, Whisper, phrases
from sottovoce.engines.stt.sherpa_offline.wire import Heard, Phrase, Task
from tests.unit.engines.stt.sherpa_offline.fake_whisper import FakeEngine, Result

MULTILINGUAL = {"is_multilingual": "1", "all_language_codes": "en,de,ja,yue"}


def files(**properties: str) -> ModelFiles:
    return ModelFiles("whisper", {"encoder": Path("encoder.onnx")}, properties)


def speech(seconds: float) -> Samples:
    return np.full(round(seconds * SAMPLE_RATE_HZ), 0.1, np.float32)


def heard_seconds(samples: Samples) -> float:
    """Without the silence after it."""
    return float(np.count_nonzero(samples)) / SAMPLE_RATE_HZ


def speaker(words_per_second: float) -> FakeEngine:
    """Numbers its words."""
    return FakeEngine(
        lambda samples: [f"w{number}" for number in range(round(heard_seconds(samples) * words_per_second))]
    )


def text(heard: Heard) -> str:
    return " ".join(phrase.text for phrase in heard.phrases)


def test_a_short_word_is_followed_by_silence() -> None:
    engine = FakeEngine(lambda samples: ["yes", "please", "do"])
    heard = Whisper(engine, files(**MULTILINGUAL)).hear(speech(0.3), Task())
    assert heard.phrases == (Phrase(text="yes please do", start=0.0, end=0.3),)
    assert engine.decodings[0].duration == SHORTEST


@pytest.mark.parametrize("seconds", [1.0, 5.0, 12.0, 20.0, 27.9])
def test_usual_speech_takes_one_decoding(seconds: float) -> None:
    engine = speaker(4.5)
    heard = Whisper(engine, files(**MULTILINGUAL)).hear(speech(seconds), Task())
    assert len(text(heard).split()) == round(seconds * 4.5)
    [decoding] = engine.decodings
    assert seconds < decoding.duration <= LONGEST


def test_fast_speech_is_heard_again_with_more_room() -> None:
    engine = speaker(9.0)
    heard = Whisper(engine, files(**MULTILINGUAL)).hear(speech(8.0), Task())
    assert len(text(heard).split()) == 72
    assert len(engine.decodings) == 2


def test_long_fast_speech_is_heard_in_two_halves_cut_where_it_is_quiet() -> None:
    engine = speaker(9.0)
    samples = speech(26.0)
    samples[round(11.0 * SAMPLE_RATE_HZ) : round(11.2 * SAMPLE_RATE_HZ)] *= 0.001
    heard = Whisper(engine, files(**MULTILINGUAL)).hear(samples, Task())
    first, second = heard.phrases
    assert (first.start, second.end) == (0.0, 26.0)
    assert first.end == second.start == pytest.approx(11.1, abs=0.1)
    assert len(text(heard).split()) >= 0.9 * 26 * 9


def test_whisper_repeating_itself_is_not_given_more_room() -> None:
    engine = FakeEngine(lambda samples: ["thank", "you", "very", "much"] * 200)
    Whisper(engine, files(**MULTILINGUAL)).hear(speech(10.0), Task())
    assert len(engine.decodings) == 1


def test_silence_has_no_phrases() -> None:
    heard = Whisper(FakeEngine(lambda samples: []), files(**MULTILINGUAL)).hear(speech(3.0), Task())
    assert heard.phrases == ()


def test_language_and_task_are_those_of_the_segment() -> None:
    engine = speaker(2.0)
    whisper = Whisper(engine, files(**MULTILINGUAL))
    whisper.hear(speech(3.0), Task(language="de"))
    whisper.hear(speech(3.0), Task(language="ja", should_translate=True, wants_phrases=True))
    whisper.hear(speech(3.0), Task())
    assert [(each.language, each.task, each.has_times) for each in engine.decodings] == [
        ("de", "transcribe", False),
        ("ja", "translate", True),
        ("", "transcribe", False),
    ]


@pytest.mark.parametrize("language", ["xx", "de-DE", "EN", "<|en|>", "german", "\0"])
def test_a_language_that_the_model_lacks_never_reaches_the_engine(language: str) -> None:
    engine = speaker(2.0)
    Whisper(engine, files(**MULTILINGUAL)).hear(speech(3.0), Task(language=language))
    assert engine.decodings[0].language == ""


def test_an_english_model_neither_takes_languages_nor_translates() -> None:
    engine = speaker(2.0)
    whisper = Whisper(engine, files(is_multilingual="0"))
    assert whisper.abilities.languages == ("en",)
    assert not whisper.abilities.can_translate
    whisper.hear(speech(3.0), Task(should_translate=True))
    assert engine.decodings[0].task == "transcribe"


def test_japanese_is_joined_but_not_its_translation() -> None:
    whisper = Whisper(FakeEngine(lambda samples: ["はい"], lang="ja"), files(**MULTILINGUAL))
    [phrase] = whisper.hear(speech(3.0), Task()).phrases
    assert phrase.is_joined
    [phrase] = whisper.hear(speech(3.0), Task(should_translate=True)).phrases
    assert not phrase.is_joined


def timed(texts: Sequence[str], times: Sequence[float], lasts: Sequence[float]) -> Result:
    return Result("".join(texts), list(texts), "en", list(texts), list(times), list(lasts))


def test_phrases_have_the_times_that_whisper_gives_them() -> None:
    found = timed([" Hello there.", " How are you?"], [0.0, 1.5], [1.2, 9.0])
    assert phrases(found, 10.0, 4.0) == [
        Phrase(text="Hello there.", start=10.0, end=11.2),
        Phrase(text="How are you?", start=11.5, end=14.0),  # the silence after it is not in the audio
    ]


@pytest.mark.parametrize(
    "found",
    [
        timed([" one", " two"], [2.0, 1.0], [1.0, 1.0]),  # out of order
        timed([" one", " two"], [0.0, 6.0], [1.0, 1.0]),  # after the end
        timed([" one", " two"], [0.0, 1.0], [3.0, 1.0]),  # within each other
        timed([" one", " two"], [0.0], [1.0]),
        Result(" one two", ["one", "two"], "en", [" one"], [0.0], [1.0]),  # not all of it
        Result(" one two", ["one", "two"]),
    ],
)
def test_without_good_times_the_text_is_one_phrase(found: Result) -> None:
    assert phrases(found, 0.0, 4.0) == [Phrase(text="one two", start=0.0, end=4.0)]
