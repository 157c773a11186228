"""One speaker's utterances, carried over the death of a recogniser."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sottovoce.engines.stt.base import BYTES_PER_SECOND, Transcriber, TranscriberStream
from sottovoce.errors import EngineError, InvalidRequestError
from sottovoce.services.languages import check_language

MAX_UTTERANCE = 120.0
"""Seconds that may wait for a commit: 4 MB, kept to be said again to another process if one dies."""

logger = logging.getLogger(__name__)


class Utterance:
    """Audio pushed and not yet transcribed. A recogniser that fails is replaced once and hears it all
    again, so that its end costs a delay and no words. `on_delta` gets the words to add to those before."""

    def __init__(self, transcriber: Transcriber, on_delta: Callable[[str], None]) -> None:
        self._transcriber = transcriber
        self._on_delta = on_delta
        self._stream: TranscriberStream | None = None
        self._language = self._wanted_language = check_language("", transcriber.languages, "language")
        self._audio = bytearray()
        self._interim = ""

    @property
    def duration(self) -> float:
        return len(self._audio) / BYTES_PER_SECOND

    async def open(self) -> None:
        """Have a recogniser ready. Raises what `Transcriber.open_stream` does."""
        self._language = self._wanted_language
        self._stream = await self._transcriber.open_stream(self._grow, language=self._language)

    async def hear_in(self, language: str) -> None:
        """From the next utterance on; "" lets the recogniser find out. Raises what `open` does."""
        self._wanted_language = language
        if self._stream is not None and not self._audio:
            await self._follow()
            await self._current()

    async def _follow(self) -> None:
        """A stream of another language than wanted is of no more use."""
        if self._language != self._wanted_language:
            await self.aclose()

    async def push(self, pcm: bytes) -> None:
        """Raises `InvalidRequestError` past `MAX_UTTERANCE`, `EngineError` if the second try fails too."""
        if self.duration + len(pcm) / BYTES_PER_SECOND > MAX_UTTERANCE:
            raise InvalidRequestError(
                f"More than {MAX_UTTERANCE:g} s of audio wait for a commit; commit or clear the buffer.",
                code="input_audio_buffer_full",
            )
        if not self._audio:
            await self._follow()
        self._audio += pcm
        try:
            await (await self._current()).push(pcm)
        except EngineError as error:
            await (await self._replacement(error)).push(bytes(self._audio))

    async def finish(self) -> str:
        """The final transcript; whatever happens, the next utterance begins."""
        try:
            return await self._finish()
        finally:
            self._audio.clear()
            self._interim = ""

    async def _finish(self) -> str:
        try:
            return await (await self._current()).finish()
        except EngineError as error:
            stream = await self._replacement(error)
        try:
            await stream.push(bytes(self._audio))
            return await stream.finish()
        except EngineError:
            await self.aclose()
            raise

    async def clear(self) -> None:
        self._audio.clear()
        self._interim = ""
        try:
            await (await self._current()).reset()
        except EngineError as error:
            await self._replacement(error)

    async def aclose(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.aclose()

    async def _current(self) -> TranscriberStream:
        if self._stream is None:
            await self.open()
        assert self._stream is not None
        return self._stream

    async def _replacement(self, error: EngineError) -> TranscriberStream:
        logger.warning("a recogniser is replaced: %s", error.message)
        await self.aclose()
        return await self._current()

    def _grow(self, interim: str) -> None:
        """A replacement may word it differently; what was announced cannot be taken back, so it waits."""
        if interim.startswith(self._interim) and interim != self._interim:
            grown, self._interim = interim[len(self._interim) :], interim
            self._on_delta(grown)
