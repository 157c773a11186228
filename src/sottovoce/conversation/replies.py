"""The assistant's side of a session: the reply that is being given, told as session events."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from livekit.agents import AgentStateChangedEvent, FunctionToolsExecutedEvent, SpeechCreatedEvent
from livekit.agents.voice import SpeechHandle

from sottovoce.config import EngineKind
from sottovoce.conversation.events import (
    EngineFailed,
    ReplyFinished,
    ReplyPlaying,
    ReplyReason,
    ReplyStarted,
    ReplyText,
    SessionEvent,
    SessionState,
    StateChanged,
    ToolCalled,
    TurnMeasured,
)
from sottovoce.conversation.failures import describe
from sottovoce.conversation.reply import Generation, Reply
from sottovoce.conversation.turn import Clock, Turn
from sottovoce.ids import random_id

logger = logging.getLogger(__name__)

MAX_TOOL_OUTPUT_CHARACTERS = 4_000
"""Of a tool's result, as shown to the transport."""

_STATES: dict[str, SessionState] = {
    "initializing": "idle",
    "idle": "idle",
    "listening": "listening",
    "thinking": "thinking",
    "speaking": "speaking",
}


class Replies:
    """Hears from AgentSession, the assistant's nodes and the playout; `reply` is the one under way."""

    def __init__(
        self, emit: Callable[[SessionEvent], None], *, now: Clock, take_turn: Callable[[], Turn | None]
    ) -> None:
        self._emit = emit
        self.now = now
        self._take_turn = take_turn
        self.can_interrupt = True
        self.reply: Reply | None = None
        self._handles: deque[SpeechHandle] = deque(maxlen=8)
        self._asked: dict[str, str] = {}
        self._generation: Generation | None = None

    def speech_created(self, event: SpeechCreatedEvent) -> None:
        event.speech_handle.allow_interruptions = self.can_interrupt
        self._handles.append(event.speech_handle)

    def expect(self, handle: SpeechHandle, response_id: str) -> None:
        """The reply spoken by `handle` was asked for under `response_id`."""
        self._asked[handle.id] = response_id

    def reply_refused(self, response_id: str, message: str) -> None:
        """A reply that was promised cannot be given: whoever waits for it is told."""
        item_id = random_id("item")
        self._emit(ReplyStarted(response_id, item_id))
        self._emit(ReplyFinished(response_id, item_id, "failed", error=message))

    def agent_state_changed(self, event: AgentStateChangedEvent) -> None:
        if event.new_state in ("thinking", "speaking"):
            self.open_reply()
        self._emit(StateChanged(_STATES[event.new_state]))

    def open_reply(self) -> Reply | None:
        """The reply under way; begun, and its predecessor closed, when another speech took over."""
        handle = self._scheduled()
        if handle is None or (self.reply is not None and self.reply.handle is handle):
            return self.reply
        if self.reply is not None:
            self.close_reply(self.reply)
        response_id = self._asked.pop(handle.id, None) or random_id("resp")
        self.reply = reply = Reply(response_id, random_id("item"), handle, turn=self._take_turn())
        if self._generation is not None:
            reply.generations.append(self._generation)
            reply.error = self._generation.error
        handle.add_done_callback(lambda _: self.close_reply(reply))
        self._emit(ReplyStarted(reply.response_id, reply.item_id))
        return reply

    def _scheduled(self) -> SpeechHandle | None:
        """The speech that AgentSession works on; speculative ones are not scheduled yet."""
        live = [handle for handle in self._handles if handle.scheduled and not handle.done()]
        return live[0] if live else None

    def reply_ids(self) -> tuple[str, str]:
        reply = self.open_reply()
        return (reply.response_id, reply.item_id) if reply else ("", "")

    def generation_started(self) -> Generation:
        self._generation = Generation(self.now())
        if self.reply is not None and not self.reply.handle.interrupted:
            self.reply.generations.append(self._generation)
        return self._generation

    def current_generation(self) -> Generation | None:
        return self._generation

    def generated(self, text: str) -> None:
        if reply := self.open_reply():
            reply.generated += text

    def captioned(self, text: str) -> None:
        reply = self.reply
        if reply is not None and text:
            reply.captioned += text
            self._emit(ReplyText(reply.response_id, reply.item_id, text))

    def playout_started(self) -> None:
        reply = self.open_reply()
        if reply is None or reply.is_playing:
            return
        reply.is_playing = True
        self._emit(ReplyPlaying(reply.response_id))
        if (turn := reply.turn) is not None:
            turn.first_frame = self.now()
            if self._generation is not None:
                self._generation.stamp(turn)
            self._emit(TurnMeasured(turn.item_id, reply.response_id, turn.latency()))

    def playout_finished(self, position: float) -> None:
        if self.reply is not None:
            self.reply.audio += position

    def tools_executed(self, event: FunctionToolsExecutedEvent) -> None:
        for call, output in event.zipped():
            shown = output.output[:MAX_TOOL_OUTPUT_CHARACTERS]
            self._emit(ToolCalled(call.call_id, call.name, call.arguments, shown, output.is_error))

    def interrupting(self, reason: ReplyReason) -> None:
        if self.reply is not None:
            self.reply.reason = reason

    def engine_failed(self, engine: EngineKind, error: Exception, *, is_spoken: bool) -> None:
        logger.error("%s failed: %s", engine, type(error).__name__, exc_info=error)
        message = describe(engine, error)
        if engine == "tts":
            self._mute(message)
        self._emit(EngineFailed(engine, message, is_spoken))

    def _mute(self, message: str) -> None:
        """The voice failed: a reply that is under way, or one that is still speculative, has no sound."""
        if self._generation is not None:
            self._generation.error = message
        if (reply := self.open_reply()) is not None:
            reply.error = message

    def close_reply(self, reply: Reply) -> None:
        """Emit the reply's end, once, after the last words that were heard of it."""
        if reply.is_closed:
            return
        reply.is_closed = True
        if reply.handle.done() and (error := reply.handle.exception()) is not None:
            reply.error = reply.error or f"The reply failed: {error}"
        if self._generation in reply.generations:
            self._generation = None
        if self.reply is reply:
            if missing := reply.missing_caption():
                self.captioned(missing)
            self.reply = None
        self._emit(reply.finished())
