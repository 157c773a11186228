"""One speaker's recogniser, on top of a pocketsphinx decoder. It blocks; it belongs in a worker process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Protocol

from sottovoce.engines.stt.base import BYTES_PER_SECOND, Segment, SegmentListener, Word
from sottovoce.engines.stt.cuts import least_pause
from sottovoce.engines.stt.loudness import Loudness
from sottovoce.engines.stt.voicing import Voicing

DECODER_OPTIONS: dict[str, Any] = {
    # the second pass would cost 14 ms per second of speech after its end, for a tenth fewer errors
    "fwdflat": False,
    # a little wider than the library's, which the small vocabulary can afford
    "beam": 1e-57,
    "wbeam": 7e-35,
    # speech has fewer hypotheses alive; noise, like nothing in particular, would keep all of them
    "maxhmmpf": 4000,
    # mean over several human speakers at `loudness.TARGET`, none of them in the tests
    "cmninit": "43.1,5.3,0.8,4.2,-2.5,0.4,-3.2,-2,-0.9,-1.5,1.2,0.5,1",
    "loglevel": "FATAL",
}
FRAME_RATE_HZ = 100

HYPOTHESIS_BYTES = BYTES_PER_SECOND // 10
"""The decoder is asked for its words every 100 ms of audio."""
STABLE_HYPOTHESES = 3
"""A word is announced once this many hypotheses in a row hold it, and another word after it."""
MIN_VOICED = 0.12
"""Seconds of voice; with less, the words are noise."""
MAX_WORD = 1.2
"""Seconds; the longest words take 0.9. Hum comes out as one word without end."""

LEAST_PROBABILITY = 1e-4
"""Keeps logarithms finite."""

BEFORE_VOICE_BYTES = BYTES_PER_SECOND
"""What is kept of the time before the first voice, for soft consonants. What has no voice is not decoded:
noise costs five times as much as speech, for nothing."""


class DecodedWord(Protocol):
    """A recognised word with its frames and posterior, or a filler such as `<sil>` and `[NOISE]`."""

    word: str
    start_frame: int
    end_frame: int
    prob: float


class Hypothesis(Protocol):
    hypstr: str


class Decoder(Protocol):
    """The part of `pocketsphinx.Decoder` that is used."""

    def start_utt(self) -> None: ...
    def process_raw(self, data: bytes) -> object: ...
    def end_utt(self) -> None: ...
    def hyp(self) -> Hypothesis | None: ...
    def seg(self) -> Sequence[DecodedWord] | None: ...
    def get_cmn(self, update: bool = False) -> str: ...
    def set_cmn(self, mean: str) -> None: ...


class StableWords:
    """The growing beginning of a hypothesis that later ones are not expected to change."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._recent: list[list[str]] = []

    def update(self, hypothesis: list[str]) -> bool:
        """Whether words were added. Words once announced stay, even if the decoder changes its mind."""
        self._recent = [*self._recent[1 - STABLE_HYPOTHESES :], hypothesis[:-1]]
        if len(self._recent) < STABLE_HYPOTHESES:
            return False
        agreed = takewhile(lambda same: len(set(same)) == 1, zip(*self._recent, strict=False))
        stable = [words[0] for words in agreed]
        is_longer = len(stable) > len(self.words) and stable[: len(self.words)] == self.words
        if is_longer:
            self.words = stable
        return is_longer


@dataclass
class _Part:
    """What is known of the part of an utterance that is being decoded."""

    start_bytes: int
    """Where in the utterance it begins."""
    heard_bytes: int = 0
    unasked_bytes: int = 0


class Recogniser:
    """Cepstral mean and level are learnt from utterance to utterance and not from noise.

    `interim` holds the stable words that are in no segment yet.
    """

    def __init__(
        self,
        decoder: Decoder,
        on_segment: SegmentListener,
        on_heard: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_heard` is called at least after every 100 ms decoded."""
        self.interim = ""
        self._decoder = decoder
        self._on_segment, self._on_heard = on_segment, on_heard
        self._loudness = Loudness()
        self._voicing = Voicing()
        self._mean = decoder.get_cmn()
        self._forget()

    def push(self, pcm: bytes) -> None:
        """Hear more; `interim` grows with it."""
        for at in range(0, len(pcm), HYPOTHESIS_BYTES):
            piece = pcm[at : at + HYPOTHESIS_BYTES]
            self._voicing.push(piece)
            self._hear(self._loudness.push(piece))

    def finish(self) -> None:
        """End the utterance; its last segment is told before this returns."""
        self._hear(self._loudness.finish())
        self._end_part()
        self._forget()

    def reset(self) -> None:
        self._decoder.end_utt()
        self._decoder.set_cmn(self._mean)
        self._loudness.reset()
        self._forget()

    def _forget(self) -> None:
        self._passed_bytes = 0
        self._waiting = bytearray()
        self._begin_part()

    def _begin_part(self) -> None:
        self.interim = ""
        self._part = _Part(self._passed_bytes)
        self._stable = StableWords()
        self._voicing.reset()
        self._decoder.start_utt()

    def _hear(self, levelled: bytes) -> None:
        self._waiting += levelled
        if self._voicing.voiced == 0.0:
            self._pass(len(self._waiting) - BEFORE_VOICE_BYTES)
            return
        part = self._part
        while self._waiting and part is self._part:  # what follows a cut waits for a voice again
            pcm = bytes(self._waiting[:HYPOTHESIS_BYTES])
            del self._waiting[:HYPOTHESIS_BYTES]
            self._decode(pcm)
            self._on_heard()

    def _pass(self, count_bytes: int) -> None:
        """Leave out what has no voice."""
        if count_bytes > 0:
            del self._waiting[:count_bytes]
            self._passed_bytes += count_bytes
            self._part.start_bytes = self._passed_bytes

    def _decode(self, pcm: bytes) -> None:
        self._decoder.process_raw(pcm)
        self._passed_bytes += len(pcm)
        self._part.heard_bytes += len(pcm)
        self._part.unasked_bytes += len(pcm)
        if self._part.unasked_bytes >= HYPOTHESIS_BYTES:
            self._part.unasked_bytes = 0
            self._ask()

    def _ask(self) -> None:
        hypothesis = self._decoder.hyp()
        words = hypothesis.hypstr.split() if hypothesis else []
        if self._voicing.voiced >= MIN_VOICED and self._stable.update(words):
            self.interim = " ".join(self._stable.words)
        if self._is_time_to_cut():
            self._end_part()
            self._begin_part()

    def _is_time_to_cut(self) -> bool:
        least = least_pause(self._part.heard_bytes / BYTES_PER_SECOND)
        return least is not None and self._pause() >= least

    def _pause(self) -> float:
        """Seconds since the last word."""
        segments = list(self._decoder.seg() or ())
        fillers = list(takewhile(lambda segment: not _is_word(segment), reversed(segments)))
        return (segments[-1].end_frame - fillers[-1].start_frame) / FRAME_RATE_HZ if fillers else 0.0

    def _end_part(self) -> None:
        self._decoder.end_utt()
        words = self._words() if self._voicing.voiced >= MIN_VOICED else []
        if words:
            self._mean = self._decoder.get_cmn()
            self._on_segment(Segment(tuple(words)))
        else:
            self._decoder.set_cmn(self._mean)

    def _words(self) -> list[Word]:
        segments = self._decoder.seg() or ()
        start = self._part.start_bytes / BYTES_PER_SECOND
        return [_word(segment, start) for segment in segments if _is_word(segment) and not _drags(segment)]


def _word(segment: DecodedWord, start: float) -> Word:
    """With the lattice's posterior, which its log table lets grow a little above 1."""
    return Word(
        _spelling(segment.word),
        round(start + segment.start_frame / FRAME_RATE_HZ, 2),
        round(start + (segment.end_frame + 1) / FRAME_RATE_HZ, 2),
        max(LEAST_PROBABILITY, min(1.0, round(segment.prob, 4))),
    )


def _is_word(segment: DecodedWord) -> bool:
    return segment.word[0] not in "<[+"


def _drags(segment: DecodedWord) -> bool:
    return segment.end_frame - segment.start_frame > MAX_WORD * FRAME_RATE_HZ


def _spelling(word: str) -> str:
    """The dictionary marks a second pronunciation as `word(2)`."""
    return word.split("(")[0]
