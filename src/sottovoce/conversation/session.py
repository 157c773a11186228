"""One live conversation around livekit-agents' AgentSession, without a room."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from livekit.agents import llm
from livekit.agents.types import NOT_GIVEN
from livekit.agents.voice.transcription import TranscriptSynchronizer

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.playout import Playout
from sottovoce.conversation.adapters import tts as tts_adapter
from sottovoce.conversation.adapters.batch_recognition import BatchRecognition
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.adapters.recognition import Recognition, Segment, StreamingRecognition
from sottovoce.conversation.adapters.stt import ServiceSTT
from sottovoce.conversation.agent_session import make_agent_session, make_detector
from sottovoce.conversation.assistant import Assistant
from sottovoce.conversation.audio_io import INPUT_RATE_HZ, Captions, Loudspeaker, Microphone
from sottovoce.conversation.events import SessionEvent
from sottovoce.conversation.hearing import Hearing
from sottovoce.conversation.history import HistoryItem, Message
from sottovoce.conversation.options import ReplyOptions, SessionOptions, TurnOptions
from sottovoce.conversation.port import InterruptReason, SessionPort
from sottovoce.conversation.replies import Replies
from sottovoce.conversation.tools import MakeToolbox, default_toolbox
from sottovoce.conversation.turn_detection import WordsTurnDetector
from sottovoce.errors import EngineError, InvalidRequestError
from sottovoce.ids import random_id

__all__ = ["InterruptReason", "Session", "SessionPort"]

logger = logging.getLogger(__name__)

MIN_COMMIT_MS = 100
"""Less audio than this is no turn; OpenAI's limit."""
TRANSCRIPT_GRACE = 0.1
"""Seconds a manual commit waits for a transcript on its way through AgentSession's queues."""
CLOSE_DEADLINE = 5.0


class Session:
    """`SessionPort` over the engines that `clients` reach.

    `toolbox` makes the server's own tools, given what says a sentence aloud; `chat_ctx` is the history to
    start from.
    """

    def __init__(
        self,
        clients: EngineClients,
        options: SessionOptions | None = None,
        *,
        toolbox: MakeToolbox = default_toolbox,
        chat_ctx: llm.ChatContext | None = None,
    ) -> None:
        self.id = random_id("sess")
        self.options = options or SessionOptions()
        self._clients = clients
        self._events: asyncio.Queue[SessionEvent | None] = asyncio.Queue()
        self._microphone = Microphone()
        self._hearing = Hearing(
            self._events.put_nowait,
            now=time.time,
            heard_ms=lambda: self._microphone.heard_ms,
            on_deaf=self._report_deafness,
        )
        self._replies = Replies(
            self._events.put_nowait, now=time.time, take_turn=self._hearing.take_answering
        )
        self._loudspeaker = Loudspeaker(self._replies)
        self._stt = self._make_stt()
        self._tts = tts_adapter.ServiceTTS(
            clients.tts, clients.http, voice=self.options.voice, speed=self.options.speed
        )
        self._vad = make_detector(self._turns.threshold)
        self._agent_session = make_agent_session(clients, self._stt, self._tts, self._vad, self._turns)
        self._synchronizer = TranscriptSynchronizer(
            next_in_chain_audio=self._loudspeaker,
            next_in_chain_text=Captions(self._replies.captioned),
        )
        self._toolbox = toolbox(self.say)
        self._assistant = Assistant(
            instructions=self.options.instructions,
            tools=list(self._toolbox.tools),
            chat_ctx=chat_ctx or llm.ChatContext.empty(),
            listener=self._replies,
            on_turn=self._hearing.turn_completed,
        )
        self._actions: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._turn_began_samples = 0
        self._is_reply_asked = False
        self._is_closed = False
        self._is_streaming = True
        self._apply_turns()

    @property
    def playout(self) -> Playout:
        return self._loudspeaker.playout

    @property
    def history(self) -> llm.ChatContext:
        """What was said and heard so far."""
        return self._assistant.chat_ctx

    @property
    def _turns(self) -> TurnOptions:
        return self.options.turns or TurnOptions()

    async def start(self) -> None:
        self._is_streaming = await self._clients.stt_streams()
        session, synchronizer = self._agent_session, self._synchronizer
        session.input.audio = self._microphone
        session.output.audio = synchronizer.audio_output
        session.output.transcription = synchronizer.text_output
        session.on("user_state_changed", self._hearing.user_state_changed)
        session.on("agent_state_changed", self._replies.agent_state_changed)
        session.on("user_input_transcribed", self._hearing.transcribed)
        session.on("function_tools_executed", self._replies.tools_executed)
        session.on("speech_created", self._replies.speech_created)
        self._worker = asyncio.create_task(self._act(), name="session-actions")
        await session.start(self._assistant, record=False)

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._worker is not None:
            self._worker.cancel()
        try:
            async with asyncio.timeout(CLOSE_DEADLINE):
                await self._agent_session.aclose()
                await self._synchronizer.aclose()
        except TimeoutError:
            logger.error("session did not close within %s s", CLOSE_DEADLINE)
        finally:
            await self._toolbox.aclose()
            self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[SessionEvent]:
        while (event := await self._events.get()) is not None:
            yield event
            self._agent_session._recorded_events.clear()  # livekit keeps every event for ever

    def push_audio(self, frame: AudioFrame) -> None:
        self._microphone.push(frame)

    def update(self, options: SessionOptions) -> None:
        before, self.options = self.options, options
        self._tts.voice, self._tts.speed = options.voice, options.speed
        self._stt.language = options.language
        if options.turns != before.turns:
            self._apply_turns()
        if options.instructions != before.instructions:
            self._actions.put_nowait(lambda: self._assistant.update_instructions(options.instructions))

    def commit_input(self) -> str:
        heard = self._microphone.heard_samples
        if (heard - self._turn_began_samples) * 1000 < MIN_COMMIT_MS * INPUT_RATE_HZ:
            raise InvalidRequestError(
                f"The input audio buffer holds less than {MIN_COMMIT_MS} ms of audio.",
                code="input_audio_buffer_commit_empty",
            )
        self._turn_began_samples = heard
        item_id = self._hearing.open_turn().item_id
        self._actions.put_nowait(self._commit)
        return item_id

    def clear_input(self) -> None:
        self._turn_began_samples = self._microphone.heard_samples
        self._stt.forget()
        self._hearing.drop_turn()
        self._agent_session.clear_user_turn()

    def add_item(self, item: HistoryItem, after: str | None = None) -> None:
        if not isinstance(item, Message) or after is not None:
            raise InvalidRequestError("Only messages can be added so far, and at the end.")

        async def add() -> None:
            context = self._assistant.chat_ctx.copy()
            context.add_message(role=item.role, content=item.text, id=item.item_id)
            await self._assistant.update_chat_ctx(context)

        self._actions.put_nowait(add)

    def delete_item(self, item_id: str) -> None:
        raise InvalidRequestError("Items cannot be deleted so far.")

    def truncate_item(self, item_id: str, audio_end_ms: int) -> str:
        raise InvalidRequestError("Items cannot be truncated so far.")

    def respond(self, options: ReplyOptions | None = None, response_id: str | None = None) -> str:
        instructions = options.instructions if options else None
        if self._replies.reply is not None or self._is_reply_asked:
            raise InvalidRequestError(
                "The assistant is already replying; cancel that reply or wait for its end.",
                code="conversation_already_has_active_response",
            )
        response_id = response_id or random_id("resp")
        self._is_reply_asked = True

        async def reply() -> None:
            self._is_reply_asked = False
            try:
                handle = self._agent_session.generate_reply(instructions=instructions or NOT_GIVEN)
            except RuntimeError as error:  # AgentSession is closing
                self._replies.reply_refused(response_id, str(error))
            else:
                self._replies.expect(handle, response_id)

        self._actions.put_nowait(reply)
        return response_id

    def say(self, text: str) -> None:
        """Speak `text` as soon as nobody is speaking; it joins the history."""
        if not self._is_closed:
            self._agent_session.say(text)

    def interrupt(self, reason: InterruptReason = "client_cancelled", response_id: str | None = None) -> bool:
        is_active = self._replies.reply is not None
        self._replies.interrupting(reason)
        self._agent_session.interrupt(force=True)
        return is_active

    def _report_deafness(self, error: EngineError, is_first: bool) -> None:
        self._replies.engine_failed("stt", error, is_spoken=is_first)
        if is_first:  # once for each outage: repeating it would talk over the user
            self.say(EngineError.spoken_hint)

    async def _act(self) -> None:
        """Run what was asked for, one after the other, in the order it was asked."""
        while True:
            action = await self._actions.get()
            try:
                await action()
            except Exception:
                logger.exception("a session action failed")

    async def _commit(self) -> None:
        await self._stt.flush()
        text = await self._agent_session.commit_user_turn(
            transcript_timeout=TRANSCRIPT_GRACE, skip_reply=True
        )
        self._hearing.commit(text)

    def _apply_turns(self) -> None:
        turns = self._turns
        is_manual = self.options.turns is None
        self._hearing.should_reply = turns.should_reply
        self._hearing.prefix_padding_ms = turns.prefix_padding_ms
        self._replies.can_interrupt = turns.can_interrupt
        for detector in (self._vad, self._stt.detector):
            detector.update_options(activation_threshold=turns.threshold)
        self._agent_session.update_options(
            turn_detection="manual" if is_manual else WordsTurnDetector(),
            endpointing_opts={
                "min_delay": 0.0 if is_manual else turns.silence,
                "max_delay": turns.max_wait,
            },
        )

    def _make_stt(self) -> ServiceSTT:
        return ServiceSTT(
            self._recognition,
            self._hearing,
            language=self.options.language,
            threshold=self._turns.threshold,
        )

    def _recognition(self, language: str, on_interim: Callable[[Segment], None]) -> Recognition:
        clients = self._clients
        if self._is_streaming:
            return StreamingRecognition(clients.stt, language, on_interim)
        return BatchRecognition(clients.stt, clients.http, language)
