"""What was heard in a file, and how it is cut for people who read along."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sottovoce.engines.stt.base import Segment, Word, written

CUE_PAUSE, CUE_DURATION, CUE_CHARACTERS = 0.5, 7.0, 84
"""A cue ends at such a pause, before it is as long, in seconds or in two lines of a caption."""
SPEECH_TOKENS_PER_SECOND = 10
"""Input tokens: OpenAI's models count one for each 100 ms of audio, too. Output tokens are words."""


@dataclass
class Transcript:
    """Grows while the file is heard; `duration` is the file's, in seconds, once it has been. `spoken` is the
    tag of its language where that was known before, "" otherwise."""

    duration: float = 0.0
    segments: list[Segment] = field(default_factory=list)
    spoken: str = ""

    @property
    def text(self) -> str:
        return written(self.words)

    @property
    def language(self) -> str:
        """The tag of the one that most words are in; "" where nobody says."""
        heard = Counter[str]()
        for segment in self.segments:
            heard[segment.language] += len(segment.words)
        found = heard.most_common(1)[0][0] if heard else ""
        return found or self.spoken

    @property
    def words(self) -> list[Word]:
        return [word for segment in self.segments for word in segment.words]

    def cues(self) -> Iterator[Segment]:
        """Short segments: the recogniser's, cut again where the speaker took a breath."""
        for segment in self.segments:
            yield from _cues(segment)

    def tokens(self) -> dict[str, object]:
        """OpenAI's usage in tokens."""
        heard = math.ceil(self.duration * SPEECH_TOKENS_PER_SECOND)
        said = sum(len(word.text.split()) for word in self.words)
        return {
            "type": "tokens",
            "input_tokens": heard,
            "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
            "output_tokens": said,
            "total_tokens": heard + said,
        }

    def seconds(self) -> dict[str, object]:
        """OpenAI's usage by duration."""
        return {"type": "duration", "seconds": round(self.duration, 3)}


def _cues(segment: Segment) -> Iterator[Segment]:
    cue: list[Word] = []
    for word in segment.words:
        if cue and _ends(cue, word):
            yield Segment(tuple(cue))
            cue = []
        cue.append(word)
    yield Segment(tuple(cue))


def _ends(cue: list[Word], following: Word) -> bool:
    characters = sum(len(word.text) + 1 for word in cue) + len(following.text)
    return (
        following.start - cue[-1].end >= CUE_PAUSE
        or following.end - cue[0].start > CUE_DURATION
        or characters > CUE_CHARACTERS
    )
