"""What a speech recogniser is to the rest of the program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

SAMPLE_RATE_HZ = 16_000
BYTES_PER_SECOND = 2 * SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Word:
    """One, or several where the recogniser does not say when each was said. `start` and `end` are seconds
    from the beginning of the utterance; `probability`, above 0 and at most 1, is how sure the recogniser is
    of it. `is_joined` words follow the one before without a space, as in Japanese."""

    text: str
    start: float
    end: float
    probability: float = 1.0
    is_joined: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """Final words between two pauses, at least one. `language` is the tag of the one that the recogniser
    found them to be in, "" where it does not say."""

    words: tuple[Word, ...]
    language: str = ""

    @property
    def text(self) -> str:
        return written(self.words)

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end


def written(words: Iterable[Word]) -> str:
    """The words as a text."""
    text = ""
    for word in words:
        text += word.text if word.is_joined or not text else f" {word.text}"
    return text


InterimListener = Callable[[str], None]
"""Called in the event loop with what an utterance holds so far; the text only ever grows."""

SegmentListener = Callable[[Segment], None]
"""Called in the event loop with every segment of an utterance as soon as it is final, in order, the last one
before `finish` returns."""


class TranscriberStream(Protocol):
    """One speaker's recogniser: what it learns of a voice it keeps until it is closed.

    Audio is 16 kHz mono s16le, whole samples. Every method is safe to cancel, ends within its deadline or
    raises an `EngineError`, and never blocks the event loop. After `EngineTimeout` or `EngineCrashed` the
    stream is of no more use; close it and open another. Call the methods one at a time.
    """

    async def push(self, pcm: bytes) -> None:
        """Hear more. Waits while the recogniser is far behind."""

    async def finish(self) -> str:
        """End the utterance; its final transcript, "" if no words were said. The next one may follow.

        An utterance may last for hours: long ones are cut at pauses, and their segments told on the way.
        """

    async def reset(self) -> None:
        """Forget the utterance begun, but not the voice."""

    async def aclose(self) -> None:
        """Free everything, also in the middle of an utterance."""


class Transcriber(Protocol):
    """A recogniser with its models loaded once."""

    @property
    def model(self) -> str:
        """Its name in the API."""

    @property
    def languages(self) -> Sequence[str]:
        """Those it hears, as BCP 47 tags in lower case; none where it is not known which."""

    @property
    def can_translate(self) -> bool:
        """Whether it can say in English what was said in another language."""

    @property
    def heeds_language(self) -> bool:
        """Whether it hears in the language that it is told; the others find it by themselves."""

    @property
    def has_word_times(self) -> bool:
        """Whether every `Word` is one; without, it is a phrase, or all of a segment."""

    @property
    def has_probabilities(self) -> bool:
        """Whether it says how sure it is; without, it is always sure."""

    @property
    def fault(self) -> str | None:
        """What is wrong with it that only a new process can cure."""

    @property
    def condition(self) -> Mapping[str, float]:
        """What it measures of itself, for people to look at."""

    async def start(self) -> None:
        """Load. Raises `EngineError`."""

    async def warm(self) -> None:
        """Work once, so that the first utterance is heard as fast as later ones. Until it returns no stream
        can be opened. Raises `EngineError`."""

    async def open_stream(
        self,
        on_interim: InterimListener | None = None,
        on_segment: SegmentListener | None = None,
        *,
        is_live: bool = True,
        language: str = "",
        should_translate: bool = False,
    ) -> TranscriberStream:
        """A stream that is not live, such as a file's, gives way to those of people who wait for an answer.

        `language` is one of `languages`, or "" to let the recogniser find out. `should_translate` only where
        it `can_translate`. Raises `LimitExceededError` when all streams are in use or the machine could not
        keep up with another, `EngineError` when it cannot."""

    async def aclose(self) -> None:
        """Close every stream and unload. Safe to call twice."""
