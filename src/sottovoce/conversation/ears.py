"""The input side of a session: microphone, recogniser, detectors, and the turns found with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from livekit.agents import UserInputTranscribedEvent

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.adapters.recognisers import Recognisers
from sottovoce.conversation.adapters.segments import Hints, Recognition, Segment
from sottovoce.conversation.adapters.stt import ServiceSTT
from sottovoce.conversation.agent_session import Conversing, make_detector
from sottovoce.conversation.events import SessionEvent
from sottovoce.conversation.hearing import Hearing, HearingListener
from sottovoce.conversation.microphone import Mark, Microphone
from sottovoce.conversation.options import SessionOptions, TurnOptions
from sottovoce.conversation.turn import Turn
from sottovoce.conversation.turn_detection import WordsTurnDetector
from sottovoce.errors import InvalidRequestError

MIN_COMMIT = 0.1
"""Seconds; less audio than this is no turn, which is OpenAI's limit."""


class Ears:
    def __init__(
        self,
        clients: EngineClients,
        options: SessionOptions,
        emit: Callable[[SessionEvent], None],
        listener: HearingListener,
    ) -> None:
        self._clients = clients
        self.hearing = Hearing(
            emit, now=time.time, heard_ms=lambda: self.microphone.heard_ms, listener=listener
        )
        self.microphone = Microphone(self.hearing.is_undecided)
        threshold = (options.turns or TurnOptions()).threshold
        # both detectors in one thread hear side by side: neither runs ahead when much comes at once
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="detectors")
        self.stt = ServiceSTT(
            self._recognition,
            self.hearing,
            self.microphone,
            hints=hints_of(options),
            threshold=threshold,
            executor=self._thread,
        )
        self.voice_detector = make_detector(threshold, self._thread)
        self.turn_detector = WordsTurnDetector(self.stt.settled)
        self._turn_began = 0.0

    async def start(self) -> None:
        """Find out in which way the recogniser hears, so that the first word need not wait for that."""
        with self._clients.using(self._clients.failover.first("stt")) as line:
            await line.can_stream()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def push(self, frame: AudioFrame) -> None:
        self.microphone.push(frame)

    def follow(self, options: SessionOptions, session: Conversing) -> None:
        """Hear as `options` say, from the next turn on."""
        turns = options.turns
        should_reply = turns is not None and turns.should_reply and not options.is_listening_only
        self.hearing.options, self.hearing.should_reply = turns, should_reply
        self.stt.is_reporting = turns is not None
        self.turn_detector.is_patient = not options.is_listening_only
        if turns is not None:
            for detector in (self.voice_detector, self.stt.detector):
                detector.update_options(activation_threshold=turns.threshold)
        if hints_of(options) != self.stt.hints:
            self.stt.hints = hints_of(options)
        session.follow(turns, self.turn_detector, should_reply=should_reply)
        self.microphone.look_again()

    def transcribed(self, event: UserInputTranscribedEvent) -> None:
        """AgentSession read a transcript."""
        if event.is_final:
            self.stt.reported()

    def commit(self) -> tuple[Turn, Mark]:
        """End the turn here; raises `InvalidRequestError` for too little audio."""
        if self.microphone.pushed - self._turn_began < MIN_COMMIT:
            raise InvalidRequestError(
                f"The input audio buffer holds less than {MIN_COMMIT * 1000:.0f} ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        self._turn_began = self.microphone.pushed
        return self.hearing.book(), self.microphone.mark()

    async def hear_out(self, mark: Mark) -> None:
        """Return when all that was pushed before `mark` is transcribed; until then nothing else is heard."""
        await mark.reached.wait()
        await self.microphone.caught_up()
        await self.stt.flush()

    def clear(self) -> bool:
        """Forget what is not committed; False where all that was heard yet is."""
        self._turn_began = self.microphone.pushed
        self.microphone.clear()
        if self.hearing.has_booked:
            return False
        self.stt.forget()
        self.hearing.drop_turn()
        return True

    def _recognition(self, hints: Hints, on_interim: Callable[[Segment], None]) -> Recognition:
        return Recognisers(self._clients, hints, on_interim)


def hints_of(options: SessionOptions) -> Hints:
    return Hints(options.language, options.prompt)
