"""The assistant's side of a session: the reply that is being given, told as session events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from livekit.agents import AgentStateChangedEvent, FunctionToolsExecutedEvent, SpeechCreatedEvent, llm

from sottovoce.config import EngineKind
from sottovoce.conversation.engines import in_words
from sottovoce.conversation.events import (
    EngineFailed,
    ReplyFinished,
    ReplyPlaying,
    ReplyReason,
    ReplyServed,
    ReplyStarted,
    ReplyText,
    SessionEvent,
    SessionState,
    StateChanged,
    ToolCalled,
    TurnMeasured,
)
from sottovoce.conversation.failures import describe
from sottovoce.conversation.generation import Generation
from sottovoce.conversation.plan import Plan
from sottovoce.conversation.reply import MakePlan, Reply
from sottovoce.conversation.speeches import Speeches
from sottovoce.conversation.turn import Clock, Turn
from sottovoce.ids import random_id

logger = logging.getLogger(__name__)

MAX_TOOL_OUTPUT_CHARACTERS = 4_000
"""Of a tool's result, as shown to the transport."""

INTERRUPTION_GRACE = 0.25
"""Seconds for AgentSession to end what it says and to write down what was heard; it takes milliseconds."""

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
        self,
        emit: Callable[[SessionEvent], None],
        *,
        now: Clock,
        take_turn: Callable[[], Turn | None],
        plan: MakePlan,
        position: Callable[[], float],
        filled: Callable[[str], float],
        on_begin: Callable[[Reply], None],
        on_end: Callable[[Reply], None],
    ) -> None:
        """`plan` is the session's; `position` is the playout's, in seconds, `filled` what it played before
        that; `on_end` is told of a reply right before its end is."""
        self._emit = emit
        self.now = now
        self._take_turn = take_turn
        self.speeches = Speeches(plan)
        self._position = position
        self._filled = filled
        self._on_begin = on_begin
        self._on_end = on_end
        self.reply: Reply | None = None

    def current(self) -> Reply | None:
        return self.speeches.current()

    def speech_created(self, event: SpeechCreatedEvent) -> None:
        reply = self.speeches.created(event)
        reply.handle.add_done_callback(lambda _: self._done(reply))

    def refused(self, response_id: str, plan: Plan, error: str | None = None) -> None:
        """A promised reply is not given: it failed with `error`, or was cancelled before it began."""
        item_id = random_id("item")
        self._emit(ReplyStarted(response_id, item_id, plan.modality))
        if error is None:
            self._emit(ReplyFinished(response_id, item_id, "cancelled", reason="client_cancelled"))
        else:
            self._emit(ReplyFinished(response_id, item_id, "failed", error=error))

    def agent_state_changed(self, event: AgentStateChangedEvent) -> None:
        if event.new_state in ("thinking", "speaking"):
            self.open_reply()
        self._emit(StateChanged(_STATES[event.new_state]))

    def open_reply(self, reply: Reply | None = None) -> Reply | None:
        """`reply`, else what AgentSession works on; begun now if it was not, and its predecessor closed."""
        if reply is None:
            going_on = self.reply is not None and self.reply.is_live
            reply = self.reply if going_on else next(iter(self.speeches.live()), None)
        if reply is None or reply.is_closed or self.reply is reply:
            return self.reply
        if self.reply is not None:
            self.close_reply(self.reply)
        self._begin(reply)
        return reply

    def _begin(self, reply: Reply) -> None:
        self.reply = reply
        self._announce(reply)

    def _announce(self, reply: Reply) -> None:
        reply.is_open = True
        if reply.plan.is_in_conversation:
            reply.turn = self._take_turn()
        self._on_begin(reply)
        self._emit(ReplyStarted(reply.response_id, reply.item_id, reply.plan.modality))

    def reply_ids(self) -> tuple[str, str]:
        reply = self.open_reply(self.speeches.current())
        return (reply.response_id, reply.item_id) if reply else ("", "")

    def generation_started(self, reply: Reply) -> Generation:
        generation = Generation(self.now())
        reply.generations.append(generation)
        return generation

    def generated(self, reply: Reply, text: str) -> None:
        self.open_reply(reply)
        reply.generated += text
        if reply.plan.modality == "text" and self.reply is reply:
            self.captioned(text)

    def captioned(self, text: str) -> None:
        reply = self.reply
        if reply is not None and text:
            reply.captioned += text
            reply.captions.mark(reply.audio + self._position(), len(reply.captioned))
            self._emit(ReplyText(reply.response_id, reply.item_id, text))

    def playout_started(self) -> None:
        reply = self.open_reply()
        if reply is None or reply.is_playing:
            return
        reply.is_playing = True
        reply.audio += self._filled(reply.response_id)
        self._emit(ReplyPlaying(reply.response_id))
        if (turn := reply.turn) is not None:
            turn.first_frame = self.now()
            if reply.generation is not None:
                reply.generation.stamp(turn)
            self._measured(turn, reply)

    def _measured(self, turn: Turn, reply: Reply) -> None:
        reply.told = reply.uses
        self._emit(TurnMeasured(turn.item_id, reply.response_id, turn.latency(), reply.told))

    def playout_finished(self, position: float) -> None:
        if self.reply is not None:
            self.reply.audio += position

    def tools_executed(self, event: FunctionToolsExecutedEvent) -> None:
        """The server's tools ran. The model goes on by itself, unless the client has a tool to run first."""
        reply = self.reply
        for call, output in event.zipped():
            self.tool_ran(call, output)
            if reply is not None:
                call.group_id = reply.group(call).group_id
        if reply is not None and reply.generation is not None and (reply.generation.calls or reply.is_cut):
            event.cancel_tool_reply()

    def tool_ran(self, call: llm.FunctionCall, output: llm.FunctionCallOutput) -> None:
        shown = output.output[:MAX_TOOL_OUTPUT_CHARACTERS]
        self._emit(ToolCalled(call.call_id, call.name, call.arguments, shown, output.is_error))

    def interrupt(self, reply: Reply, reason: ReplyReason) -> None:
        """Stop it. A tool of ours that runs is let finish, but nobody waits for that."""
        reply.reason = reason
        reply.handle.interrupt(force=True)
        asyncio.get_running_loop().call_later(INTERRUPTION_GRACE, self._abandon, reply)

    def _abandon(self, reply: Reply) -> None:
        if reply.is_open:
            self.close_reply(reply)

    def engine_failed(
        self, engine: EngineKind, error: Exception, *, is_spoken: bool, reply: Reply | None = None
    ) -> None:
        logger.error("%s failed: %s", engine, type(error).__name__, exc_info=error)
        message = describe(engine, error)
        if engine == "tts" and reply is not None:
            reply.error = message  # it has no sound, be it under way or still speculative
        self._emit(EngineFailed(engine, message, is_spoken))

    def _done(self, reply: Reply) -> None:
        if reply.is_asked and not reply.is_open and not reply.is_closed:
            self._announce(reply)  # it never got its turn, but was promised
        if reply.is_open:
            self.close_reply(reply)
        reply.is_closed = True
        self.speeches.over(reply)

    def close_reply(self, reply: Reply) -> None:
        """Emit the reply's end, once, after the last words that were heard of it."""
        if reply.is_closed:
            return
        reply.is_closed = True
        if reply.handle.done() and (error := reply.handle.exception()) is not None:
            reply.error = reply.error or f"The reply failed: {error}"
        if self.reply is reply:
            if missing := reply.missing_caption():
                self.captioned(missing)
            self.reply = None
        self._on_end(reply)
        self._served(reply)
        self._emit(reply.finished())

    def _served(self, reply: Reply) -> None:
        """The record of what it went through, and what of that is not told yet."""
        uses, turn = reply.uses, reply.turn
        took_ms = turn.latency().voice_to_voice if turn is not None else None
        heard_after = "" if took_ms is None else f", heard after {took_ms} ms"
        logger.info("a reply is %s%s; %s", reply.status, heard_after, in_words(uses))
        if uses and uses != reply.told:
            self._emit(ReplyServed(reply.response_id, reply.item_id, uses))
