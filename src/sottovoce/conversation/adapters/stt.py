"""Speech to text for AgentSession: hears all the time, sends only speech, and asks at the first pause.

A voice activity detector of its own, quicker than the one that ends turns, cuts the input into segments.
At `PAUSE` seconds of silence the recogniser is asked for its final transcript instead of being waited
for, so that the words are there before the turn's end is decided.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from livekit import rtc
from livekit.agents import inference, stt, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr
from livekit.agents.utils import AudioBuffer

from sottovoce.conversation.adapters.recognition import Recognition, Segment
from sottovoce.errors import EngineError

PAUSE = 0.1
"""Seconds of silence after which a segment is transcribed."""
PREFIX = 0.4
"""Seconds before the detected start that belong to it: soft consonants come before the detector fires."""


class RecognitionListener(Protocol):
    def speech_paused(self, ended_at: float) -> None:
        """Speech ended at wall-clock time `ended_at`, seen `PAUSE` later."""

    def recognised(self, text: str) -> None:
        """A segment's transcript, "" where there were no words."""

    def recognition_failed(self, error: EngineError) -> None: ...


RecognitionFactory = Callable[[str, Callable[[Segment], None]], Recognition]
"""Makes a `Recognition` from a language and a callback for interim transcripts."""


class ServiceSTT(stt.STT[str]):
    """`stt.STT` over a recognition service."""

    def __init__(
        self, factory: RecognitionFactory, listener: RecognitionListener, *, language: str, threshold: float
    ) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.factory = factory
        self.listener = listener
        self.language = language
        self.detector = inference.VAD(
            model="silero",
            min_silence_duration=PAUSE,
            prefix_padding_duration=PREFIX,
            activation_threshold=threshold,
        )
        self._stream: ServiceStream | None = None

    async def _recognize_impl(
        self,
        buffer: AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        raise NotImplementedError("this recogniser streams; use stream()")

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> ServiceStream:
        self._stream = ServiceStream(self, conn_options)
        return self._stream

    async def flush(self) -> None:
        """Finish what is being said and return when all that was said is transcribed."""
        if self._stream is not None:
            await self._stream.finish_speech()

    def forget(self) -> None:
        """Drop the speech that is being heard."""
        if self._stream is not None:
            self._stream.drop_speech()


class ServiceStream(stt.RecognizeStream):
    """One user's speech, segment by segment. Engine failures are reported, never raised."""

    def __init__(self, owner: ServiceSTT, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=owner, conn_options=conn_options)
        self._owner = owner
        self._current: Segment | None = None
        self._finished: asyncio.Queue[Segment] = asyncio.Queue()
        self._recognition: Recognition | None = None

    async def _run(self) -> None:
        self._recognition = recognition = self._owner.factory(self._owner.language, self._interim)
        detector = self._owner.detector.stream()
        tasks = [asyncio.create_task(self._listen(detector)), asyncio.create_task(self._report())]
        try:
            async for event in detector:
                self._detected(event, recognition)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await detector.aclose()
            await recognition.aclose()

    async def finish_speech(self) -> None:
        self._finish()
        await self._finished.join()

    def drop_speech(self) -> None:
        if self._current is not None:
            self._current.text.cancel()
            self._finish()

    async def _listen(self, detector: vad.VADStream) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                detector.push_frame(item)
        detector.end_input()

    def _detected(self, event: vad.VADEvent, recognition: Recognition) -> None:
        if event.type == vad.VADEventType.START_OF_SPEECH:
            self._current = recognition.begin()
            recognition.append(self._current, _pcm(event))
        elif event.type == vad.VADEventType.INFERENCE_DONE and self._current is not None:
            recognition.append(self._current, _pcm(event))
        elif event.type == vad.VADEventType.END_OF_SPEECH and self._current is not None:
            self._owner.listener.speech_paused(time.time() - event.silence_duration)
            self._finish()

    def _finish(self) -> None:
        if self._current is not None and self._recognition is not None:
            segment, self._current = self._current, None
            self._recognition.finish(segment)
            self._finished.put_nowait(segment)

    def _interim(self, segment: Segment) -> None:
        if segment.interim.strip() and not segment.text.cancelled():
            self._emit(stt.SpeechEventType.INTERIM_TRANSCRIPT, segment.interim.strip())

    async def _report(self) -> None:
        """Announce transcripts in the order they were spoken."""
        while True:
            segment = await self._finished.get()
            try:
                await self._announce(segment)
            finally:
                self._finished.task_done()

    async def _announce(self, segment: Segment) -> None:
        await asyncio.wait([segment.text])
        if segment.text.cancelled():
            return
        if error := segment.text.exception():
            assert isinstance(error, EngineError)
            self._owner.listener.recognition_failed(error)
            return
        self._owner.listener.recognised(segment.text.result())
        self._emit(stt.SpeechEventType.FINAL_TRANSCRIPT, segment.text.result())

    def _emit(self, kind: stt.SpeechEventType, text: str) -> None:
        data = stt.SpeechData(language=self._owner.language, text=text)  # type: ignore[arg-type]
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))


def _pcm(event: vad.VADEvent) -> bytes:
    return b"".join(bytes(frame.data) for frame in event.frames)
