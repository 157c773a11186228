"""An uploaded file on its way through the decoder and the recogniser."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.datastructures import UploadFile

from sottovoce.audio.decode import DecodeLimits, decode
from sottovoce.engines.stt.base import BYTES_PER_SECOND, Segment, Transcriber
from sottovoce.engines.stt.endpointing import (
    Endpointer,
    EndpointingOptions,
    Speech,
    SpeechStarted,
    SpeechStopped,
)
from sottovoce.services.transcription_events import ServerVad
from sottovoce.services.uploads.lasting_stream import LastingStream


@dataclass
class Recording:
    """Decoding waits for the recogniser, never the other way, and neither is ahead by more than seconds.

    The recogniser cuts long audio at its pauses; with `vad` only what that takes for speech is recognised.
    `language` and `should_translate` are the recogniser's to know. `duration` is what has been decoded so
    far, in seconds.
    """

    file: IO[bytes]
    limits: DecodeLimits
    vad: ServerVad | None = None
    language: str = ""
    should_translate: bool = False
    duration: float = 0.0
    _told: deque[Segment] = field(default_factory=deque)

    @classmethod
    async def of(
        cls,
        upload: UploadFile,
        limits: DecodeLimits,
        vad: ServerVad | None,
        *,
        language: str = "",
        should_translate: bool = False,
    ) -> Recording:
        file = upload.file
        if isinstance(file, SpooledTemporaryFile):
            await asyncio.to_thread(file.rollover)  # small ones are in memory, the decoder needs a descriptor
        return cls(file, limits, vad, language, should_translate)

    async def check(self) -> None:
        """Decode it to its end, faster than it is recognised. Raises what is wrong with it."""
        async with aclosing(decode(self.file, self.limits)) as chunks:
            async for _ in chunks:
                pass

    async def segments(self, transcriber: Transcriber) -> AsyncGenerator[Segment]:
        """Its words, final as they come. Raises `BadAudioError`, `TooLargeError`, `LimitExceededError` or
        `EngineError`."""
        stream = LastingStream(
            transcriber,
            self._told.append,
            language=self.language,
            should_translate=self.should_translate,
        )
        ears = _Ears(stream, self.vad) if self.vad is not None else stream
        try:
            async with aclosing(decode(self.file, self.limits)) as chunks:
                async for chunk in chunks:
                    if self.duration == 0.0:
                        await stream.open()  # not for a file that is none
                    self.duration += len(chunk) / BYTES_PER_SECOND
                    await ears.push(chunk)
                    while self._told:
                        yield self._told.popleft()
            await ears.finish()
            while self._told:
                yield self._told.popleft()
        finally:
            await stream.aclose()


class _Ears:
    """Lets speech through, as the client's voice activity detection wants it."""

    def __init__(self, stream: LastingStream, vad: ServerVad) -> None:
        self._stream = stream
        options = EndpointingOptions(vad.threshold, vad.prefix_padding_ms, vad.silence_duration_ms)
        self._endpointer = Endpointer(options)

    async def push(self, pcm: bytes) -> None:
        for happening in self._endpointer.push(pcm):
            match happening:
                case SpeechStarted(audio_ms):
                    self._stream.begin(audio_ms / 1000)
                case Speech(speech):
                    await self._stream.push(speech)
                case SpeechStopped():
                    await self._stream.finish()

    async def finish(self) -> None:
        if self._endpointer.is_speaking:
            await self._stream.finish()
