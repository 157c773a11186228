"""One speaker's stream: voice activity decides what is a segment, and each is heard whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sottovoce.engines.stt.base import (
    BYTES_PER_SECOND,
    InterimListener,
    Segment,
    SegmentListener,
    Word,
    written,
)
from sottovoce.engines.stt.segmenting import Part, Segmenter
from sottovoce.engines.stt.sherpa_offline.wire import Heard
from sottovoce.errors import EngineCrashed, EngineError

PIECE_BYTES = BYTES_PER_SECOND // 4
"""What the detector hears without letting others work: 1 ms of work, 10 where it has threads."""
PLACES = 2
"""Digits of times in seconds."""


class OfflineStream:
    """A `TranscriberStream`. While one segment is heard the next is collected, and no more than that."""

    def __init__(
        self,
        segmenter: Segmenter,
        hear: Callable[[Part], Awaitable[Heard]],
        *,
        on_interim: InterimListener | None = None,
        on_segment: SegmentListener | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._segmenter = segmenter
        self._hear = hear
        self._on_interim, self._on_segment, self._on_close = on_interim, on_segment, on_close
        self._words: list[Word] = []
        self._hearing: asyncio.Task[None] | None = None
        self._failure: EngineError | None = None

    @property
    def is_hearing(self) -> bool:
        """Whether somebody speaks, or waits for what was said."""
        return self._segmenter.is_speaking or (self._hearing is not None and not self._hearing.done())

    async def push(self, pcm: bytes) -> None:
        self._check()
        for at in range(0, len(pcm), PIECE_BYTES):
            for part in self._segmenter.push(pcm[at : at + PIECE_BYTES]):
                await self._begin(part)
            await asyncio.sleep(0)

    async def finish(self) -> str:
        self._check()
        if (part := self._segmenter.finish()) is not None:
            await self._begin(part, is_last=True)
        await self._heard()
        text = written(self._words)
        self._words.clear()
        return text

    async def reset(self) -> None:
        self._check()
        self._drop()
        self._segmenter.reset()
        self._words.clear()

    async def aclose(self) -> None:
        if self._failure is None:
            self._failure = EngineCrashed("The recogniser's stream was closed.", engine="stt")
            self._on_close()
        self._drop()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _begin(self, part: Part, *, is_last: bool = False) -> None:
        await self._heard()
        self._hearing = asyncio.create_task(self._take(part, is_last), name="segment")

    async def _heard(self) -> None:
        """Wait until nothing is being heard. Raises what it failed with, which is the end of the stream."""
        if self._hearing is None:
            return
        try:
            await asyncio.shield(self._hearing)
        except EngineError as error:
            self._failure = self._failure or error
            self._on_close()
            raise
        self._hearing = None

    def _drop(self) -> None:
        if self._hearing is not None:
            self._hearing.cancel()
            self._hearing.add_done_callback(_forget)
            self._hearing = None

    async def _take(self, part: Part, is_last: bool) -> None:
        """What the last part says is in the transcript that follows, and needs no announcing."""
        heard = await self._hear(part)
        words = tuple(
            Word(
                phrase.text,
                round(part.start + phrase.start, PLACES),
                round(part.start + phrase.end, PLACES),
                phrase.probability,
                phrase.is_joined,
            )
            for phrase in heard.phrases
        )
        if not words:
            return
        self._words += words
        if self._on_segment is not None:
            self._on_segment(Segment(words, heard.language))
        if self._on_interim is not None and not is_last:
            self._on_interim(written(self._words))


def _forget(task: asyncio.Task[None]) -> None:
    """What a segment failed with that nobody waits for is nobody's fault."""
    if not task.cancelled():
        task.exception()
