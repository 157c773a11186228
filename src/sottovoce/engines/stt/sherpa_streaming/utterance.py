"""One utterance on its way through the model: what was pushed, what was taken, which words are known."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from sottovoce.engines.stt.base import BYTES_PER_SECOND, Segment, Word, written
from sottovoce.engines.stt.cuts import least_pause
from sottovoce.engines.stt.sherpa_streaming.pace import STEP, Pace
from sottovoce.engines.stt.sherpa_streaming.recogniser import Hearing
from sottovoce.engines.stt.sherpa_streaming.scheduler import Result
from sottovoce.engines.stt.token_words import words


@dataclass(eq=False)
class HeardUtterance:
    """Counts in bytes of audio; `due_bytes` are needed for another chunk. `text` is that of the parts that
    are final."""

    hearing: Hearing
    pace: Pace
    language: str = ""
    audio: deque[bytes] = field(default_factory=deque)
    pushed_bytes: int = 0
    taken_bytes: int = 0
    chunks: int = 0
    text: str = ""
    is_ending: bool = False
    is_ready: bool = False
    _words: tuple[Word, ...] = ()
    _part_began: int = 0
    _least_due_bytes: int = 0

    def push(self, pcm: bytes) -> None:
        self.audio.append(pcm)
        self.pushed_bytes += len(pcm)

    def end(self) -> None:
        """Nothing follows: push the silence with which the model comes to hear the last words."""
        self.push(bytes(self.pace.first_bytes + len(STEP)))
        self.is_ending = True

    @property
    def waiting_bytes(self) -> int:
        return self.pushed_bytes - self.taken_bytes

    @property
    def due_bytes(self) -> int:
        due = self.pace.first_bytes + self.chunks * self.pace.chunk_bytes
        return max(due, self._least_due_bytes)

    @property
    def has_work(self) -> bool:
        if self.is_ready or self.pushed_bytes >= self.due_bytes:
            return True
        return self.is_ending and self.waiting_bytes > 0

    @property
    def is_over(self) -> bool:
        return self.is_ending and not self.has_work

    @property
    def interim(self) -> str:
        return _continued(self.text, self._words)

    def learn(self, result: Result) -> None:
        self.taken_bytes += result.took_bytes
        self.chunks += result.chunks
        self.is_ready = result.is_ready
        self._words = words(result.tokens)
        if not result.is_ready:  # a pace that promises too much must not keep a thread busy
            self._least_due_bytes = self.taken_bytes + len(STEP)

    def is_time_to_cut(self) -> bool:
        if not self._words:
            return False
        decoded = self.chunks * self.pace.chunk
        begun = self._part_began * self.pace.chunk
        least, pause = least_pause(decoded - begun), max(0.0, decoded - self._words[-1].end)
        return least is not None and pause >= least

    def segment(self) -> Segment | None:
        """The words since the last cut, now final; None for none."""
        if not self._words:
            return None
        segment = Segment(self._words, self.language)
        self.text, self._words = self.interim, ()
        self._part_began = self.chunks
        return segment

    @property
    def duration(self) -> float:
        return self.pushed_bytes / BYTES_PER_SECOND


def _continued(text: str, following: tuple[Word, ...]) -> str:
    if not text or not following:
        return text or written(following)
    return f"{text}{'' if following[0].is_joined else ' '}{written(following)}"
