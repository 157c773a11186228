"""A recogniser that hears what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sottovoce.engines.stt.base import BYTES_PER_SECOND, InterimListener, Segment, SegmentListener, Word
from sottovoce.errors import EngineError, LimitExceededError


def spoken(text: str, start: float, end: float, probability: float = 1.0) -> Segment:
    """Words of one length each."""
    words = text.split()
    step = (end - start) / len(words)
    return Segment(
        tuple(
            Word(word, round(start + n * step, 2), round(start + (n + 1) * step, 2), probability)
            for n, word in enumerate(words)
        )
    )


@dataclass
class ScriptedStream:
    transcriber: ScriptedTranscriber
    say: Callable[[str], None]
    tell: SegmentListener
    heard: bytearray = field(default_factory=bytearray)
    resets: int = 0
    is_closed: bool = False
    failure: EngineError | None = None
    is_live: bool = True
    language: str = ""
    should_translate: bool = False
    told: int = 0

    async def push(self, pcm: bytes) -> None:
        self._check()
        self.heard += pcm
        self._tell_due()
        await self.transcriber.pause(len(self.heard) / BYTES_PER_SECOND)
        for interim in self.transcriber.interims:
            self.say(interim)

    async def finish(self) -> str:
        self._check()
        if self.transcriber.is_hanging:
            await asyncio.Event().wait()
        text = self.transcriber.transcripts.pop(0) if self.transcriber.transcripts else ""
        if text:
            self.tell(spoken(text, 0.0, len(self.heard) / BYTES_PER_SECOND))
        self.transcriber.utterances.append(bytes(self.heard))
        self.heard.clear()
        return text

    def _tell_due(self) -> None:
        """The scripted segments that have been heard to their end."""
        due = [each for each in self.transcriber.segments if each.end <= len(self.heard) / BYTES_PER_SECOND]
        for segment in due[self.told :]:
            self.tell(segment)
        self.told = max(self.told, len(due))

    async def reset(self) -> None:
        self._check()
        self.resets += 1
        self.heard.clear()

    async def aclose(self) -> None:
        self.is_closed = True

    def _check(self) -> None:
        assert not self.is_closed, "used after it was closed"
        if self.failure is not None:
            raise self.failure


@dataclass
class ScriptedTranscriber:
    """`transcripts` are given out one by one at the ends of utterances, `segments` in each of them as soon as
    it is as long; `failures` are what streams opened next fail with (None: they don't)."""

    transcripts: list[str] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    interims: list[str] = field(default_factory=list)
    failures: list[EngineError | None] = field(default_factory=list)
    start_error: EngineError | None = None
    max_streams: int = 8
    pause_at: float | None = None
    paused: asyncio.Event = field(default_factory=asyncio.Event)
    pausing: asyncio.Event = field(default_factory=asyncio.Event)
    is_hanging: bool = False
    streams: list[ScriptedStream] = field(default_factory=list)
    utterances: list[bytes] = field(default_factory=list)
    is_closed: bool = False
    model: str = "scripted"
    languages: Sequence[str] = ("en",)
    can_translate: bool = False
    heeds_language: bool = True
    has_word_times: bool = True
    has_probabilities: bool = True
    fault: str | None = None
    condition: Mapping[str, float] = field(default_factory=dict)

    async def start(self) -> None:
        if self.start_error is not None:
            raise self.start_error

    async def warm(self) -> None:
        pass

    async def open_stream(
        self,
        on_interim: InterimListener | None = None,
        on_segment: SegmentListener | None = None,
        *,
        is_live: bool = True,
        language: str = "",
        should_translate: bool = False,
    ) -> ScriptedStream:
        if sum(not stream.is_closed for stream in self.streams) >= self.max_streams:
            raise LimitExceededError("All streams of the recogniser are in use.")
        stream = ScriptedStream(
            self,
            on_interim or (lambda text: None),
            on_segment or (lambda segment: None),
            is_live=is_live,
            language=language,
            should_translate=should_translate,
        )
        stream.failure = self.failures.pop(0) if self.failures else None
        self.streams.append(stream)
        return stream

    async def pause(self, heard: float) -> None:
        """Wait, after `pause_at` seconds of an utterance, until `pausing` is set."""
        if self.pause_at is not None and heard >= self.pause_at:
            self.paused.set()
            await self.pausing.wait()

    async def aclose(self) -> None:
        self.is_closed = True
