"""One live conversation around livekit-agents' AgentSession, without a room."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from functools import partial

from livekit.agents import llm
from livekit.agents.voice.transcription import TranscriptSynchronizer

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.playout import Playout
from sottovoce.conversation.actions import Actions
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.adapters.llm import ServiceLLM
from sottovoce.conversation.adapters.tts import ServiceTTS
from sottovoce.conversation.agent_session import make_agent_session
from sottovoce.conversation.answering import Answering
from sottovoce.conversation.aside import Asides
from sottovoce.conversation.asking import check_choice
from sottovoce.conversation.assistant import Assistant, TurnFate
from sottovoce.conversation.audio_io import Captions, Loudspeaker
from sottovoce.conversation.ears import Ears, hints_of
from sottovoce.conversation.events import IdleTimedOut, SessionEvent, Transcript, TurnCommitted
from sottovoce.conversation.filler import Filler
from sottovoce.conversation.history import HistoryItem, Message
from sottovoce.conversation.idleness import IDLE_NOTE, Idleness
from sottovoce.conversation.items import Items
from sottovoce.conversation.microphone import Mark
from sottovoce.conversation.options import ReplyOptions, SessionOptions, TurnOptions
from sottovoce.conversation.plan import make_plan
from sottovoce.conversation.port import InterruptReason, SessionPort
from sottovoce.conversation.prewarming import Prewarming
from sottovoce.conversation.record import Record
from sottovoce.conversation.replies import Replies
from sottovoce.conversation.reply import Reply
from sottovoce.conversation.tools import MakeToolbox, default_toolbox
from sottovoce.conversation.turn import Turn
from sottovoce.errors import EngineError, InvalidRequestError
from sottovoce.ids import random_id

__all__ = ["InterruptReason", "Session", "SessionPort"]

logger = logging.getLogger(__name__)

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
        self.options = options = options or SessionOptions()
        self._events: asyncio.Queue[SessionEvent | None] = asyncio.Queue()
        self._actions = Actions()
        self._ears = Ears(clients, options, self._tell, self)
        self._replies = Replies(
            self._tell,
            now=time.time,
            take_turn=self._ears.hearing.take_answering,
            plan=lambda: make_plan(self.options),
            position=lambda: self._loudspeaker.playout.position,
            filled=lambda response_id: self.playout.filled(response_id),
            on_begin=self._reply_begun,
            on_end=self._reply_over,
        )
        self._loudspeaker = Loudspeaker(self._replies)
        ears, turns = self._ears, options.turns or TurnOptions()
        self._agent_session = make_agent_session(
            clients, ears.stt, ears.voice_detector, ears.turn_detector, turns
        )
        self._agent_session.current = self._replies.current
        self._synchronizer = TranscriptSynchronizer(
            next_in_chain_audio=self._loudspeaker,
            next_in_chain_text=Captions(self._replies.captioned),
        )
        self._toolbox = toolbox(self.say)
        self._assistant = Assistant(
            instructions=options.instructions,
            tools=list(self._toolbox.tools),
            chat_ctx=chat_ctx or llm.ChatContext.empty(),
            listener=self._replies,
            on_turn=self._turn_completed,
        )
        self._record = Record(self._assistant)
        self._items = Items(
            self._record,
            self._replies,
            self._actions,
            self._tell,
            clients=clients,
            hints=lambda: hints_of(self.options),
        )
        self._asides = Asides(self._tell, partial(self._replies.engine_failed, is_spoken=False))
        self._answering = Answering(
            self._agent_session,
            self._assistant,
            self._replies,
            self._asides,
            self._actions,
            own_tools=self._toolbox.tools,
            listen=self._items.with_words,
        )
        voice, model = self._agent_session.tts, self._agent_session.llm
        assert isinstance(voice, ServiceTTS)
        assert isinstance(model, ServiceLLM)
        self._filler = Filler(voice, self.playout, lambda: self.options.language, time.time)
        self._prewarming = Prewarming(model, self._answering.next_question)
        self._idleness = Idleness(self._idle)
        self._is_closed = False

    @property
    def playout(self) -> Playout:
        return self._loudspeaker.playout

    @property
    def history(self) -> llm.ChatContext:
        """What was said and heard so far."""
        return self._assistant.chat_ctx

    async def start(self) -> None:
        await self._ears.start()
        session, synchronizer = self._agent_session, self._synchronizer
        session.input.audio = self._ears.microphone
        session.output.audio = synchronizer.audio_output
        session.output.transcription = synchronizer.text_output
        session.on("user_state_changed", self._ears.hearing.user_state_changed)
        session.on("user_input_transcribed", self._ears.transcribed)
        session.on("agent_state_changed", self._replies.agent_state_changed)
        session.on("function_tools_executed", self._replies.tools_executed)
        session.on("speech_created", self._replies.speech_created)
        session.on("conversation_item_added", self._items.added)
        self._actions.start()
        self._follow(self.options)
        await session.start(self._assistant, record=False)
        if not self.options.is_listening_only:
            self._prewarming.start()
        self._idleness.begin()

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._idleness.pause()
        self._filler.stop()
        try:
            async with asyncio.timeout(CLOSE_DEADLINE):
                await self._prewarming.aclose()
                await self._actions.aclose()
                await self._asides.aclose()
                await self._agent_session.aclose()
                await self._synchronizer.aclose()
        except TimeoutError:
            logger.error("session did not close within %s s", CLOSE_DEADLINE)
        finally:
            self._ears.close()
            await self._toolbox.aclose()
            self._events.put_nowait(None)

    async def events(self) -> AsyncIterator[SessionEvent]:
        while (event := await self._events.get()) is not None:
            yield event
            self._agent_session.forget()

    def push_audio(self, frame: AudioFrame) -> None:
        self._ears.push(frame)

    def update(self, options: SessionOptions) -> None:
        check_choice(options.tool_choice, options.tools, self._toolbox.tools)
        before, self.options = self.options, options
        self._follow(options)
        if options.instructions != before.instructions:
            self._actions.put(lambda: self._assistant.update_instructions(options.instructions))
        if (options.instructions, options.tools) != (before.instructions, before.tools):
            self._actions.put(self._prewarm)

    async def _prewarm(self) -> None:
        if not self.options.is_listening_only:
            self._prewarming.again()

    def _follow(self, options: SessionOptions) -> None:
        turns = options.turns
        self._ears.follow(options, self._agent_session)
        self._replies.speeches.can_interrupt = turns is not None and turns.can_interrupt
        self._idleness.timeout = turns.idle_timeout if turns and not options.is_listening_only else None

    def commit_input(self) -> str:
        self._actions.check_room()
        turn, mark = self._ears.commit()
        self._actions.put(partial(self._commit, turn, mark))
        return turn.item_id

    async def _commit(self, turn: Turn, mark: Mark) -> None:
        try:
            await self._ears.hear_out(mark)
            await self._record.add(Message(turn.item_id, "user", turn.said))
            if self.options.turns is not None:
                self._agent_session.clear_user_turn()  # or it would find the same turn again
        finally:
            self._ears.hearing.finish(turn)
            self._ears.microphone.go_on_after(mark)

    def clear_input(self) -> None:
        if self._ears.clear() and self.options.turns is not None:
            self._agent_session.clear_user_turn()

    def add_item(self, item: HistoryItem, after: str | None = None) -> None:
        self._actions.check_room()
        self._items.add(item, after)

    def delete_item(self, item_id: str) -> None:
        self._actions.check_room()
        self._items.delete(item_id)

    def truncate_item(self, item_id: str, audio_end_ms: int) -> str:
        self._actions.check_room()
        return self._items.truncate(item_id, audio_end_ms)

    def respond(self, options: ReplyOptions | None = None, response_id: str | None = None) -> str:
        if self.options.is_listening_only:
            raise InvalidRequestError("This session only transcribes; it gives no replies.")
        self._actions.check_room()
        response_id = response_id or random_id("resp")
        self._answering.respond(make_plan(self.options, options), response_id)
        self._idleness.end()
        return response_id

    def say(self, text: str) -> None:
        """Speak `text` as soon as nobody is speaking; it joins the history."""
        if not self._is_closed and not self.options.is_listening_only:
            self._agent_session.say(text)

    def interrupt(self, reason: InterruptReason = "client_cancelled", response_id: str | None = None) -> bool:
        return self._answering.interrupt(reason, response_id)

    def _tell(self, event: SessionEvent) -> None:
        self._events.put_nowait(event)

    def speech_started(self) -> None:
        self._idleness.pause()
        self._filler.stop()

    def _turn_completed(self, message: llm.ChatMessage) -> TurnFate:
        fate = self._ears.hearing.turn_completed(message)
        if fate == "answer":
            self._record.name_turn(message.id)
        return fate

    def turn_over(self, turn: Turn) -> None:
        self._ears.microphone.look_again()
        if turn.said:
            self._idleness.end()
            return
        self._idleness.begin()
        if turn.item_id not in self._record:  # its place is known, though there is nothing to read
            self._actions.put(partial(self._record.add, Message(turn.item_id, "user", "")))

    def deaf(self, error: EngineError, *, is_first: bool) -> None:
        is_spoken = is_first and not self.options.is_listening_only
        self._replies.engine_failed("stt", error, is_spoken=is_spoken)
        if is_spoken:  # once for each outage: repeating it would talk over the user
            self.say(EngineError.spoken_hint)

    def _reply_begun(self, reply: Reply) -> None:
        self._idleness.pause()
        self._filler.await_words(reply)

    def _reply_over(self, reply: Reply) -> None:
        """Right before the end of `reply` is told."""
        self._filler.stop()
        self._items.keep(reply)
        self._idleness.begin()

    def _idle(self) -> None:
        """The user has been silent for as long as the options allow."""
        hearing, end = self._ears.hearing, self._ears.microphone.heard_ms
        if self._answering.is_busy or hearing.is_speaking or self._idleness.timeout is None:
            return
        item_id = random_id("item")
        self._tell(IdleTimedOut(item_id, max(0, end - int(self._idleness.timeout * 1000)), end))
        self._tell(TurnCommitted(item_id))
        self._tell(Transcript(item_id, "", is_final=True))
        self._actions.put(partial(self._record.add, Message(item_id, "user", "")))
        self._answering.respond(make_plan(self.options, note=IDLE_NOTE), random_id("resp"))
