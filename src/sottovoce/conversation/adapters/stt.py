"""Speech to text for AgentSession: hears all the time, sends only speech, and asks at the first pause.

A voice activity detector of its own, quicker than the one that ends turns, cuts the input into segments.
At `PAUSE` seconds of silence the recogniser is asked for its final transcript instead of being waited
for, so that the words are there before the turn's end is decided.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Protocol

from livekit import rtc
from livekit.agents import inference, stt, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr
from livekit.agents.utils import AudioBuffer

from sottovoce.conversation.adapters.cutting import Cutter, RecognitionListener
from sottovoce.conversation.adapters.segments import Hints, Recognition, Segment
from sottovoce.conversation.places import PLACE, Place

PAUSE = 0.1
"""Seconds of silence after which a segment is transcribed."""
PREFIX = 0.4
"""Seconds before the detected start that belong to it: soft consonants come before the detector fires."""


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
        executor: Executor,
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
            executor=executor,
        )
        self._hints = hints
        self._stream: ServiceStream | None = None

    @property
    def hints(self) -> Hints:
        return self._hints

    @hints.setter
    def hints(self, hints: Hints) -> None:
        self._hints = hints
        if (cutter := self._cutter) is not None:
            cutter.take(hints)

    @property
    def _cutter(self) -> Cutter | None:
        return self._stream.cutter if self._stream is not None else None

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
        if (cutter := self._cutter) is not None:
            await cutter.finish_speech()

    async def settled(self) -> None:
        """Return when nothing that was said waits for its transcript, and AgentSession has them all."""
        if (cutter := self._cutter) is not None:
            await cutter.settled()

    def reported(self) -> None:
        """AgentSession took note of a transcript."""
        if (cutter := self._cutter) is not None:
            cutter.reported()

    def forget(self) -> None:
        """Drop the speech that is being heard, and what of it is not transcribed yet."""
        if (cutter := self._cutter) is not None:
            cutter.drop_speech()


class ServiceStream(stt.RecognizeStream):
    """One user's speech: from AgentSession's frames to the detector, from there to a `Cutter`."""

    def __init__(self, owner: ServiceSTT, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=owner, conn_options=conn_options)
        self._owner = owner
        self._cutter: Cutter | None = None
        self._places: deque[tuple[int, Place]] = deque()
        self._last = Place()
        self._pushed = 0

    @property
    def cutter(self) -> Cutter | None:
        """None until the stream runs."""
        return self._cutter

    async def _run(self) -> None:
        owner = self._owner
        self._cutter = cutter = Cutter(
            lambda on_interim: owner.factory(owner.hints, on_interim), owner.listener, self._report
        )
        detector = owner.detector.stream()
        tasks = [asyncio.create_task(self._listen(detector)), asyncio.create_task(cutter.announce())]
        try:
            async for event in detector:
                cutter.detected(event)
                if event.type == vad.VADEventType.INFERENCE_DONE:
                    self._tell_place(event)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await detector.aclose()
            await cutter.aclose()

    async def _listen(self, detector: vad.VADStream) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                self._note(item)
                detector.push_frame(item)
        detector.end_input()

    def _note(self, frame: rtc.AudioFrame) -> None:
        """AgentSession gives silence, which says no place, for what is said over a reply that goes on."""
        length = frame.samples_per_channel
        self._pushed += length
        self._last = frame.userdata.get(PLACE, self._last.after(length, length))
        self._places.append((self._pushed, self._last))

    def _tell_place(self, event: vad.VADEvent) -> None:
        place = None
        while self._places and self._places[0][0] <= event.samples_index:
            place = self._places.popleft()[1]
        if place is not None:
            self._owner.source.listened(place, 0.0 if event.speaking else event.silence_duration)

    def _report(self, text: str) -> bool:
        if self._owner.is_reporting:
            data = stt.SpeechData(language=self._owner.hints.language, text=text)  # type: ignore[arg-type]
            kind = stt.SpeechEventType.FINAL_TRANSCRIPT
            self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))
        return self._owner.is_reporting
