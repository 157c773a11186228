"""A speaker's recogniser on a decoder that says what the test wants."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from sottovoce.engines.stt import recogniser as module
from sottovoce.engines.stt.base import BYTES_PER_SECOND
from sottovoce.engines.stt.recogniser import Recogniser, StableWords
from tests.unit.engines.stt.sounds import noise, recording, tone

VOICE = recording("free-the-old-man-walked-slowly-down-the-road-slt")
STEP = BYTES_PER_SECOND // 10


@dataclass
class Segment:
    word: str
    start_frame: int = 0
    end_frame: int = 30


@dataclass
class Hypothesis:
    hypstr: str


@dataclass
class ScriptedDecoder:
    """Its hypotheses come from `script`, one for each time it is asked, the last one again and again."""

    script: list[str] = field(default_factory=lambda: [""])
    segments: list[Segment] = field(default_factory=list)
    mean: str = "start"
    log: list[str] = field(default_factory=list)
    heard_bytes: int = 0

    def start_utt(self) -> None:
        self.log.append("start")

    def end_utt(self) -> None:
        self.log.append("end")
        self.mean = f"after {self.log.count('end')}"

    def process_raw(self, data: bytes) -> object:
        self.heard_bytes += len(data)
        return None

    def hyp(self) -> Hypothesis | None:
        text = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return Hypothesis(text) if text else None

    def seg(self) -> list[Segment]:
        return self.segments

    def get_cmn(self, update: bool = False) -> str:
        return self.mean

    def set_cmn(self, mean: str) -> None:
        self.mean = mean


def said(*words: str) -> list[Segment]:
    return [Segment(word) for word in words]


def test_the_transcript_is_the_words_without_fillers_and_marks() -> None:
    decoder = ScriptedDecoder(segments=said("<s>", "read(2)", "<sil>", "it", "[NOISE]", "</s>"))
    recogniser = Recogniser(decoder)
    recogniser.push(VOICE)
    assert recogniser.finish() == "read it"


def test_every_sample_reaches_the_decoder() -> None:
    decoder = ScriptedDecoder()
    recogniser = Recogniser(decoder)
    for at in range(0, len(VOICE), 998):
        recogniser.push(VOICE[at : at + 998])
    recogniser.finish()
    assert decoder.heard_bytes == len(VOICE)


@pytest.mark.parametrize("pcm", [noise(2.0), noise(0.2), b""])
def test_words_in_what_has_no_voice_are_not_believed(pcm: bytes) -> None:
    recogniser = Recogniser(ScriptedDecoder(script=["if if if"], segments=said("if", "if")))
    recogniser.push(pcm)
    assert recogniser.interim == ""
    assert recogniser.finish() == ""


def test_what_has_no_voice_is_not_decoded() -> None:
    decoder = ScriptedDecoder()
    recogniser = Recogniser(decoder)
    recogniser.push(noise(5.0))
    assert recogniser.finish() == ""
    assert decoder.heard_bytes == 0


def test_a_second_before_the_first_voice_is_decoded_with_it() -> None:
    decoder = ScriptedDecoder()
    recogniser = Recogniser(decoder)
    recogniser.push(noise(5.0, 20) + VOICE)
    recogniser.finish()
    assert 0 < decoder.heard_bytes - len(VOICE) <= BYTES_PER_SECOND


def test_it_tells_that_it_is_at_work_however_much_comes_at_once() -> None:
    signs: list[None] = []
    recogniser = Recogniser(ScriptedDecoder(), lambda: signs.append(None))
    recogniser.push(VOICE)
    recogniser.finish()
    assert len(signs) >= len(VOICE) // STEP


def test_a_word_that_lasts_for_seconds_is_hum() -> None:
    decoder = ScriptedDecoder(segments=[Segment("mm", 0, 195), Segment("stop", 196, 240)])
    recogniser = Recogniser(decoder)
    recogniser.push(tone(2.4, 120))
    assert recogniser.finish() == "stop"


def test_the_mean_of_speech_is_kept_and_that_of_noise_forgotten() -> None:
    decoder = ScriptedDecoder(segments=said("stop"))
    recogniser = Recogniser(decoder)
    recogniser.push(VOICE)
    recogniser.finish()
    assert decoder.mean == "after 1"
    recogniser.push(noise(1.0))
    recogniser.finish()
    assert decoder.mean == "after 1"


def test_a_reset_forgets_the_utterance_and_its_mean() -> None:
    decoder = ScriptedDecoder(script=["a b c d"], segments=said("a"))
    recogniser = Recogniser(decoder)
    recogniser.push(VOICE)
    assert recogniser.interim
    recogniser.reset()
    assert (recogniser.interim, decoder.mean) == ("", "start")
    assert recogniser.finish() == ""


def test_a_long_utterance_is_cut_at_a_pause_and_joined_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CUT_AFTER", 1.0)
    pause = [Segment("one", 0, 90), Segment("<sil>", 91, 150)]
    decoder = ScriptedDecoder(segments=pause)
    recogniser = Recogniser(decoder)
    recogniser.push(VOICE)
    assert decoder.log.count("end") >= 2
    parts = decoder.log.count("start")
    assert recogniser.finish() == " ".join(["one"] * parts)


def test_an_utterance_without_a_pause_is_cut_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CUT_AT_LATEST", 1.0)
    decoder = ScriptedDecoder(segments=said("on"))
    Recogniser(decoder).push(VOICE)
    assert decoder.log.count("end") == int(len(VOICE) / BYTES_PER_SECOND)


def test_interim_words_wait_until_they_are_stable() -> None:
    stable = StableWords()
    for hypothesis, announced in [
        ("set", ""),
        ("set a", ""),
        ("set a time", ""),  # the last word of a hypothesis is never sure
        ("set a timer", "set"),
        ("set a timer for", "set a"),
    ]:
        stable.update(hypothesis.split())
        assert " ".join(stable.words) == announced


def test_interim_words_are_never_taken_back() -> None:
    stable = StableWords()
    grown = [stable.update(words.split()) for words in ["should a b"] * 3 + ["set a timer for ten"] * 5]
    assert stable.words == ["should", "a"]
    assert grown == [False, False, True] + [False] * 5


def test_the_interim_only_grows_while_speech_comes_in() -> None:
    texts = ["the", "the old", "they hold", "the old man", "the old man walked", "the old man walked on"]
    recogniser = Recogniser(ScriptedDecoder(script=[text for text in texts for _ in range(3)]))
    seen = [""]
    for at in range(0, len(VOICE), STEP):
        recogniser.push(VOICE[at : at + STEP])
        seen.append(recogniser.interim)
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    assert seen[-1] == "the old man walked"
