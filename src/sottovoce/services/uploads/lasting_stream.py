"""A recogniser's stream for recordings of hours, carried over the death of its process."""

from __future__ import annotations

import logging
from dataclasses import replace

from sottovoce.engines.stt.base import (
    BYTES_PER_SECOND,
    Segment,
    SegmentListener,
    Transcriber,
    TranscriberStream,
)
from sottovoce.errors import EngineError

KEPT = 64.0
"""Seconds of audio at most that are said again to another process: a segment lasts up to 30, and as much may
be on its way. 2 MB."""

logger = logging.getLogger(__name__)


class LastingStream:
    """A process that fails is replaced, and hears again what followed the last segment; one that fails
    before it has brought a new segment is the recording's failure."""

    def __init__(
        self,
        transcriber: Transcriber,
        on_segment: SegmentListener,
        *,
        language: str = "",
        should_translate: bool = False,
    ) -> None:
        """`on_segment` gets segments with times that count from where `begin` says."""
        self._transcriber = transcriber
        self._language, self._should_translate = language, should_translate
        self._on_segment = on_segment
        self._stream: TranscriberStream | None = None
        self._has_failed = False
        self.begin(0.0)

    def begin(self, start: float) -> None:
        """The next audio is `start` seconds into the recording; what came before has been finished."""
        self._start = self._kept_from = start
        self._kept = bytearray()

    async def open(self) -> None:
        """Raises what `Transcriber.open_stream` does."""
        self._stream = await self._transcriber.open_stream(
            on_segment=self._told,
            is_live=False,
            language=self._language,
            should_translate=self._should_translate,
        )

    async def push(self, pcm: bytes) -> None:
        self._keep(pcm)
        try:
            await self._current.push(pcm)
        except EngineError as error:
            await self._replace(error)

    async def finish(self) -> None:
        """The last segments have been told when this returns."""
        try:
            await self._current.finish()
        except EngineError as error:
            await self._replace(error)
            await self._current.finish()

    async def aclose(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.aclose()

    @property
    def _current(self) -> TranscriberStream:
        assert self._stream is not None, "not open"
        return self._stream

    async def _replace(self, error: EngineError) -> None:
        if self._has_failed:
            raise error
        self._has_failed = True
        logger.warning("a recogniser is replaced in the middle of a file: %s", error.message)
        await self.aclose()
        await self.open()
        self._start = self._kept_from
        await self._current.push(bytes(self._kept))

    def _keep(self, pcm: bytes) -> None:
        self._kept += pcm
        self._forget(len(self._kept) - int(KEPT * BYTES_PER_SECOND))

    def _forget(self, count_bytes: int) -> None:
        if count_bytes > 0:
            count_bytes = min(len(self._kept), count_bytes // 2 * 2)
            del self._kept[:count_bytes]
            self._kept_from += count_bytes / BYTES_PER_SECOND

    def _told(self, segment: Segment) -> None:
        self._has_failed = False
        words = [
            replace(word, start=round(word.start + self._start, 2), end=round(word.end + self._start, 2))
            for word in segment.words
        ]
        placed = replace(segment, words=tuple(words))
        self._forget(int((placed.end - self._kept_from) * BYTES_PER_SECOND))
        self._on_segment(placed)
