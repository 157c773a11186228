"""Speech to text for AgentSession: hears all the time, sends only speech, and asks at the first pause.

A voice activity detector of its own, quicker than the one that ends turns, cuts the input into segments.
At `PAUSE` seconds of silence the recogniser is asked for its final transcript instead of being waited
for, so that the words are there before the turn's end is decided.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from livekit import rtc
from livekit.agents import inference, stt, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr
from livekit.agents.utils import AudioBuffer

from sottovoce.conversation.adapters.recognition import MAX_SEGMENT_BYTES, Hints, Recognition, Segment
from sottovoce.conversation.places import PLACE, Place
from sottovoce.errors import EngineError

PAUSE = 0.1
"""Seconds of silence after which a segment is transcribed."""
PREFIX = 0.4
"""Seconds before the detected start that belong to it: soft consonants come before the detector fires."""


class RecognitionListener(Protocol):
    def speech_paused(self, ended_at: float) -> None:
        """Speech ended at wall-clock time `ended_at`, seen `PAUSE` later."""

    def segment_finished(self) -> None:
        """A segment is complete; its transcript, or its failure, follows."""

    def interim(self, text: str) -> None:
        """The words so far of the segment that is heard."""

    def recognised(self, text: str) -> None:
        """A segment's transcript, "" where there were no words."""

    def recognition_failed(self, error: EngineError) -> None: ...


class Input(Protocol):
    """Where the speech comes from, which wants to know how far it was heard."""

    def listened(self, place: Place, silence: float) -> None: ...

    def restarted(self) -> None: ...


RecognitionFactory = Callable[[Hints, Callable[[Segment], None]], Recognition]
"""Makes a `Recognition` from hints and a callback for interim transcripts."""


class ServiceSTT(stt.STT[str]):
    """`stt.STT` over a recognition service."""

    def __init__(
        self,
        factory: RecognitionFactory,
        listener: RecognitionListener,
        source: Input,
        *,
        hints: Hints,
        threshold: float,
    ) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))
        self.factory = factory
        self.listener = listener
        self.source = source
        self.is_reporting = True
        """Whether AgentSession gets the transcripts; where turns end by hand it has no use for them."""
        self.detector = inference.VAD(
            model="silero",
            min_silence_duration=PAUSE,
            prefix_padding_duration=PREFIX,
            activation_threshold=threshold,
        )
        self._hints = hints
        self._stream: ServiceStream | None = None

    @property
    def hints(self) -> Hints:
        return self._hints

    @hints.setter
    def hints(self, hints: Hints) -> None:
        self._hints = hints
        if self._stream is not None:
            self._stream.take(hints)

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
        self.source.restarted()
        return self._stream

    async def flush(self) -> None:
        """Finish what is being said and return when all that was said is transcribed."""
        if self._stream is not None:
            await self._stream.finish_speech()

    async def settled(self) -> None:
        """Return when nothing that was said waits for its transcript, and AgentSession has them all."""
        if self._stream is not None:
            await self._stream.settled()

    def reported(self) -> None:
        """AgentSession took note of a transcript."""
        if self._stream is not None:
            self._stream.reported()

    def forget(self) -> None:
        """Drop the speech that is being heard, and what of it is not transcribed yet."""
        if self._stream is not None:
            self._stream.drop_speech()


class ServiceStream(stt.RecognizeStream):
    """One user's speech, segment by segment. Engine failures are reported, never raised."""

    def __init__(self, owner: ServiceSTT, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=owner, conn_options=conn_options)
        self._owner = owner
        self._current: Segment | None = None
        self._finished: asyncio.Queue[Segment] = asyncio.Queue()
        self._pending: list[Segment] = []
        self._unreported = 0
        self._settled = asyncio.Event()
        self._recognition: Recognition | None = None
        self._places: deque[tuple[int, Place]] = deque()
        self._pushed = 0

    async def _run(self) -> None:
        self._recognition = recognition = self._owner.factory(self._owner.hints, self._interim)
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

    def take(self, hints: Hints) -> None:
        if self._recognition is not None:
            self._recognition.take(hints)

    async def finish_speech(self) -> None:
        self._finish()
        await self._finished.join()

    def drop_speech(self) -> None:
        for segment in self._pending:
            segment.text.cancel()
        if self._current is not None and self._recognition is not None:
            segment, self._current = self._current, None
            segment.text.cancel()
            self._recognition.finish(segment)
        self._look_settled()

    async def settled(self) -> None:
        self._look_settled()
        await self._settled.wait()

    def reported(self) -> None:
        self._unreported = max(0, self._unreported - 1)
        self._look_settled()

    def _look_settled(self) -> None:
        if self._current is None and not self._pending and not self._unreported:
            self._settled.set()
        else:
            self._settled.clear()

    async def _listen(self, detector: vad.VADStream) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                self._note(item)
                detector.push_frame(item)
        detector.end_input()

    def _note(self, frame: rtc.AudioFrame) -> None:
        self._pushed += frame.samples_per_channel
        if (place := frame.userdata.get(PLACE)) is not None:
            self._places.append((self._pushed, place))

    def _detected(self, event: vad.VADEvent, recognition: Recognition) -> None:
        if event.type == vad.VADEventType.START_OF_SPEECH:
            self._current = recognition.begin()
            recognition.append(self._current, _pcm(event))
        elif event.type == vad.VADEventType.INFERENCE_DONE:
            if self._current is not None:
                self._hear(self._current, _pcm(event), recognition)
            self._tell_place(event)
        elif event.type == vad.VADEventType.END_OF_SPEECH and self._current is not None:
            self._owner.listener.speech_paused(time.time() - event.silence_duration)
            self._finish()
        self._look_settled()

    def _hear(self, segment: Segment, pcm: bytes, recognition: Recognition) -> None:
        if len(segment.audio) + len(pcm) > MAX_SEGMENT_BYTES:  # who never pauses is heard in pieces
            self._finish()
            self._current = segment = recognition.begin()
        recognition.append(segment, pcm)

    def _tell_place(self, event: vad.VADEvent) -> None:
        place = None
        while self._places and self._places[0][0] <= event.samples_index:
            place = self._places.popleft()[1]
        if place is not None:
            self._owner.source.listened(place, 0.0 if event.speaking else event.silence_duration)

    def _finish(self) -> None:
        if self._current is not None and self._recognition is not None:
            segment, self._current = self._current, None
            self._recognition.finish(segment)
            self._pending.append(segment)
            self._finished.put_nowait(segment)
            self._owner.listener.segment_finished()

    def _interim(self, segment: Segment) -> None:
        if segment.interim.strip() and not segment.text.cancelled():
            self._owner.listener.interim(segment.interim.strip())

    async def _report(self) -> None:
        """Announce transcripts in the order they were spoken."""
        while True:
            segment = await self._finished.get()
            try:
                await asyncio.wait([segment.text])
                self._pending.remove(segment)
                self._announce(segment)
            finally:
                self._finished.task_done()
                self._look_settled()

    def _announce(self, segment: Segment) -> None:
        if segment.text.cancelled():
            return
        if error := segment.text.exception():
            assert isinstance(error, EngineError)
            self._owner.listener.recognition_failed(error)
            return
        text = segment.text.result()
        self._owner.listener.recognised(text)
        if text and self._owner.is_reporting:
            self._unreported += 1
            self._emit(text)

    def _emit(self, text: str) -> None:
        data = stt.SpeechData(language=self._owner.hints.language, text=text)  # type: ignore[arg-type]
        kind = stt.SpeechEventType.FINAL_TRANSCRIPT
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))


def _pcm(event: vad.VADEvent) -> bytes:
    return b"".join(bytes(frame.data) for frame in event.frames)
