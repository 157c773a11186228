"""Cuts what a user says into segments, and has each transcribed as soon as it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from livekit.agents import vad

from sottovoce.conversation.adapters.segments import MAX_SEGMENT_BYTES, Hints, Recognition, Segment
from sottovoce.conversation.engines import Used
from sottovoce.errors import EngineError


class RecognitionListener(Protocol):
    def speech_paused(self, ended_at: float) -> None:
        """Speech ended at wall-clock time `ended_at`, seen a short pause later."""

    def segment_finished(self) -> None:
        """A segment is complete; its transcript, or its failure, follows."""

    def interim(self, text: str) -> None:
        """The words so far of the segment that is heard."""

    def recognised(self, text: str, used: Used | None) -> None:
        """A segment's transcript, "" where there were no words, and whose it is."""

    def recognition_failed(self, error: EngineError) -> None: ...


class Cutter:
    """Engine failures are told to the listener, never raised."""

    def __init__(
        self,
        make: Callable[[Callable[[Segment], None]], Recognition],
        listener: RecognitionListener,
        report: Callable[[str], bool],
    ) -> None:
        """`report` passes a transcript on; it tells whether `reported` will be called when it has arrived."""
        self._recognition = make(self._interim)
        self._listener = listener
        self._report = report
        self._current: Segment | None = None
        self._pending: list[Segment] = []
        self._finished: asyncio.Queue[Segment] = asyncio.Queue()
        self._on_their_way = 0
        self._settled = asyncio.Event()

    def take(self, hints: Hints) -> None:
        self._recognition.take(hints)

    def detected(self, event: vad.VADEvent) -> None:
        if event.type == vad.VADEventType.START_OF_SPEECH:
            self._current = self._recognition.begin()
            self._recognition.append(self._current, _pcm(event))
        elif event.type == vad.VADEventType.INFERENCE_DONE and self._current is not None:
            self._hear(self._current, _pcm(event))
        elif event.type == vad.VADEventType.END_OF_SPEECH and self._current is not None:
            self._listener.speech_paused(time.time() - event.silence_duration)
            self._finish()
        self._look()

    async def finish_speech(self) -> None:
        """End what is being said here; return when all that was said is transcribed."""
        self._finish()
        await self._finished.join()

    def drop_speech(self) -> None:
        """Forget what is being said, and what is not transcribed yet."""
        for segment in self._pending:
            segment.text.cancel()
        if self._current is not None:
            segment, self._current = self._current, None
            segment.text.cancel()
            self._recognition.finish(segment)
        self._look()

    async def settled(self) -> None:
        """Return when no speech is heard, no transcript is awaited, and all have arrived."""
        self._look()
        await self._settled.wait()

    def reported(self) -> None:
        self._on_their_way = max(0, self._on_their_way - 1)
        self._look()

    async def announce(self) -> None:
        """Tell transcripts in the order they were spoken, for ever."""
        while True:
            segment = await self._finished.get()
            try:
                await asyncio.wait([segment.text])
                self._pending.remove(segment)
                self._tell(segment)
            finally:
                self._finished.task_done()
                self._look()

    async def aclose(self) -> None:
        await self._recognition.aclose()

    def _look(self) -> None:
        if self._current is None and not self._pending and not self._on_their_way:
            self._settled.set()
        else:
            self._settled.clear()

    def _hear(self, segment: Segment, pcm: bytes) -> None:
        if len(segment.audio) + len(pcm) > MAX_SEGMENT_BYTES:  # who never pauses is heard in pieces
            self._finish()
            self._current = segment = self._recognition.begin()
        self._recognition.append(segment, pcm)

    def _finish(self) -> None:
        if self._current is not None:
            segment, self._current = self._current, None
            self._recognition.finish(segment)
            self._pending.append(segment)
            self._finished.put_nowait(segment)
            self._listener.segment_finished()

    def _interim(self, segment: Segment) -> None:
        if segment.interim.strip() and not segment.text.cancelled():
            self._listener.interim(segment.interim.strip())

    def _tell(self, segment: Segment) -> None:
        if segment.text.cancelled():
            return
        if error := segment.text.exception():
            assert isinstance(error, EngineError)
            self._listener.recognition_failed(error)
            return
        text = segment.text.result()
        self._listener.recognised(text, segment.used)
        if text and self._report(text):
            self._on_their_way += 1


def _pcm(event: vad.VADEvent) -> bytes:
    return b"".join(bytes(frame.data) for frame in event.frames)
