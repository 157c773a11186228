"""A recogniser that hears what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sottovoce.engines.stt.base import InterimListener
from sottovoce.errors import EngineError, LimitExceededError


@dataclass
class ScriptedStream:
    transcriber: ScriptedTranscriber
    say: Callable[[str], None]
    heard: bytearray = field(default_factory=bytearray)
    resets: int = 0
    is_closed: bool = False
    failure: EngineError | None = None

    async def push(self, pcm: bytes) -> None:
        self._check()
        self.heard += pcm
        for interim in self.transcriber.interims:
            self.say(interim)

    async def finish(self) -> str:
        self._check()
        if self.transcriber.is_hanging:
            await asyncio.Event().wait()
        text = self.transcriber.transcripts.pop(0) if self.transcriber.transcripts else ""
        self.transcriber.utterances.append(bytes(self.heard))
        self.heard.clear()
        return text

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
    """`transcripts` are given out one by one; `failures` are what streams opened next fail with (None: they
    don't)."""

    transcripts: list[str] = field(default_factory=list)
    interims: list[str] = field(default_factory=list)
    failures: list[EngineError | None] = field(default_factory=list)
    start_error: EngineError | None = None
    max_streams: int = 8
    is_hanging: bool = False
    streams: list[ScriptedStream] = field(default_factory=list)
    utterances: list[bytes] = field(default_factory=list)
    is_closed: bool = False
    model: str = "scripted"

    async def start(self) -> None:
        if self.start_error is not None:
            raise self.start_error

    async def open_stream(self, on_interim: InterimListener | None = None) -> ScriptedStream:
        if sum(not stream.is_closed for stream in self.streams) >= self.max_streams:
            raise LimitExceededError("All streams of the recogniser are in use.")
        stream = ScriptedStream(self, on_interim or (lambda text: None))
        stream.failure = self.failures.pop(0) if self.failures else None
        self.streams.append(stream)
        return stream

    async def aclose(self) -> None:
        self.is_closed = True
