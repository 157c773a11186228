"""A speaker's recogniser on a decoder that says what the test wants."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from sottovoce.engines.stt import cuts
from sottovoce.engines.stt.base import BYTES_PER_SECOND, Segment
from sottovoce.engines.stt.recogniser import Decoder, Recogniser, StableWords
from tests.unit.engines.stt.sounds import noise, recording, tone

VOICE = recording("free-the-old-man-walked-slowly-down-the-road-slt")
STEP = BYTES_PER_SECOND // 10


@dataclass
class DecodedWord:
    word: str
    start_frame: int = 0
    end_frame: int = 30
    prob: float = 0.5


@dataclass
class Hypothesis:
    hypstr: str


@dataclass
class ScriptedDecoder:
    """Its hypotheses come from `script`, one for each time it is asked, the last one again and again."""

    script: list[str] = field(default_factory=lambda: [""])
    segments: list[DecodedWord] = field(default_factory=list)
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

    def seg(self) -> list[DecodedWord]:
        return self.segments

    def get_cmn(self, update: bool = False) -> str:
        return self.mean

    def set_cmn(self, mean: str) -> None:
        self.mean = mean


def said(*words: str) -> list[DecodedWord]:
    return [DecodedWord(word) for word in words]


class Listening(Recogniser):
    """Keeps its segments."""

    def __init__(self, decoder: Decoder, on_heard: Callable[[], None] = lambda: None) -> None:
        self.segments: list[Segment] = []
        super().__init__(decoder, self.segments.append, on_heard)

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


def test_the_transcript_is_the_words_without_fillers_and_marks() -> None:
    decoder = ScriptedDecoder(segments=said("<s>", "read(2)", "<sil>", "it", "[NOISE]", "</s>"))
    recogniser = Listening(decoder)
    recogniser.push(VOICE)
    recogniser.finish()
    assert recogniser.text == "read it"


def test_every_sample_reaches_the_decoder() -> None:
    decoder = ScriptedDecoder()
    recogniser = Listening(decoder)
    for at in range(0, len(VOICE), 998):
        recogniser.push(VOICE[at : at + 998])
    recogniser.finish()
    assert decoder.heard_bytes == len(VOICE)


@pytest.mark.parametrize("pcm", [noise(2.0), noise(0.2), b""])
def test_words_in_what_has_no_voice_are_not_believed(pcm: bytes) -> None:
    recogniser = Listening(ScriptedDecoder(script=["if if if"], segments=said("if", "if")))
    recogniser.push(pcm)
    assert recogniser.interim == ""
    recogniser.finish()
    assert recogniser.segments == []


def test_what_has_no_voice_is_not_decoded() -> None:
    decoder = ScriptedDecoder()
    recogniser = Listening(decoder)
    recogniser.push(noise(5.0))
    recogniser.finish()
    assert recogniser.segments == []
    assert decoder.heard_bytes == 0


def test_a_second_before_the_first_voice_is_decoded_with_it() -> None:
    decoder = ScriptedDecoder()
    recogniser = Listening(decoder)
    recogniser.push(noise(5.0, 20) + VOICE)
    recogniser.finish()
    assert 0 < decoder.heard_bytes - len(VOICE) <= BYTES_PER_SECOND


def test_it_tells_that_it_is_at_work_however_much_comes_at_once() -> None:
    signs: list[None] = []
    recogniser = Listening(ScriptedDecoder(), lambda: signs.append(None))
    recogniser.push(VOICE)
    recogniser.finish()
    assert len(signs) >= len(VOICE) // STEP


def test_a_word_that_lasts_for_seconds_is_hum() -> None:
    decoder = ScriptedDecoder(segments=[DecodedWord("mm", 0, 195), DecodedWord("stop", 196, 240)])
    recogniser = Listening(decoder)
    recogniser.push(tone(2.4, 120))
    recogniser.finish()
    assert recogniser.text == "stop"


def test_the_mean_of_speech_is_kept_and_that_of_noise_forgotten() -> None:
    decoder = ScriptedDecoder(segments=said("stop"))
    recogniser = Listening(decoder)
    recogniser.push(VOICE)
    recogniser.finish()
    assert decoder.mean == "after 1"
    recogniser.push(noise(1.0))
    recogniser.finish()
    assert decoder.mean == "after 1"


def test_a_reset_forgets_the_utterance_and_its_mean() -> None:
    decoder = ScriptedDecoder(script=["a b c d"], segments=said("a"))
    recogniser = Listening(decoder)
    recogniser.push(VOICE)
    assert recogniser.interim
    recogniser.reset()
    assert (recogniser.interim, decoder.mean) == ("", "start")
    recogniser.finish()
    assert recogniser.segments == []


PAUSE = [DecodedWord("one", 0, 90), DecodedWord("<sil>", 91, 125)]


def test_a_long_utterance_is_cut_at_a_pause_and_its_segments_told_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cuts, "CUTS", ((1.0, 0.3),))
    decoder = ScriptedDecoder(segments=PAUSE)
    recogniser = Listening(decoder)
    recogniser.push(VOICE)
    told = len(recogniser.segments)
    assert told == decoder.log.count("end") >= 2
    recogniser.finish()
    assert recogniser.text == " ".join(["one"] * (told + 1))


def test_the_longer_it_lasts_the_shorter_a_pause_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "CUTS", ((1.0, 1.0), (2.0, 0.3)))
    decoder = ScriptedDecoder(segments=PAUSE)
    Listening(decoder).push(VOICE[: int(2.5 * BYTES_PER_SECOND)])
    assert decoder.log.count("end") == 1


def test_times_count_from_the_beginning_of_the_utterance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "CUTS", ((1.0, 0.3),))
    recogniser = Listening(ScriptedDecoder(segments=PAUSE))
    recogniser.push(noise(5.0, 20) + VOICE)
    recogniser.finish()
    starts = [segment.start for segment in recogniser.segments]
    # the first part begins within the second before the first voice, others follow the one before at once
    assert 3.9 <= starts[0] <= 5.0
    assert [round(later - earlier, 1) for earlier, later in pairwise(starts)] == [1.0] * (len(starts) - 1)
    assert recogniser.segments[0].words[0].end == pytest.approx(starts[0] + 0.91, abs=0.005)
    recogniser.push(VOICE)
    recogniser.finish()
    assert recogniser.segments[len(starts)].start < 1.0


@pytest.mark.parametrize(("posterior", "probability"), [(0.51, 0.51), (1.0004, 1.0), (0.0, 1e-4)])
def test_a_word_has_the_posterior_of_the_lattice(posterior: float, probability: float) -> None:
    recogniser = Listening(ScriptedDecoder(segments=[DecodedWord("stop", prob=posterior)]))
    recogniser.push(VOICE)
    recogniser.finish()
    assert recogniser.segments[0].words[0].probability == probability


def test_an_utterance_without_a_pause_is_cut_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuts, "CUT_AT_LATEST", 1.0)
    decoder = ScriptedDecoder(segments=said("on"))
    Listening(decoder).push(VOICE)
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
    recogniser = Listening(ScriptedDecoder(script=[text for text in texts for _ in range(3)]))
    seen = [""]
    for at in range(0, len(VOICE), STEP):
        recogniser.push(VOICE[at : at + STEP])
        seen.append(recogniser.interim)
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    assert seen[-1] == "the old man walked"
