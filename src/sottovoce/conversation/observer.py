"""Turns what AgentSession and the adapters report into session events, in the order transports rely on."""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable

from livekit.agents import (
    AgentStateChangedEvent,
    FunctionToolsExecutedEvent,
    SpeechCreatedEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
    llm,
)
from livekit.agents.voice import SpeechHandle

from sottovoce.conversation.events import (
    EngineFailed,
    EngineKind,
    ReplyFinished,
    ReplyPlaying,
    ReplyReason,
    ReplyStarted,
    ReplyText,
    SessionEvent,
    SessionState,
    SpeechStarted,
    SpeechStopped,
    StateChanged,
    ToolCalled,
    Transcript,
    TranscriptionFailed,
    TurnCommitted,
    TurnMeasured,
)
from sottovoce.conversation.reply import Generation, Reply
from sottovoce.conversation.turn import Turn
from sottovoce.errors import EngineError

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


def new_id(prefix: str) -> str:
    """An id in OpenAI's form, such as `item_9f…`."""
    return f"{prefix}_{uuid.uuid4().hex[:24]}"


class Observer:
    """Holds the turn being spoken and the reply being given, and emits their events."""

    def __init__(
        self,
        emit: Callable[[SessionEvent], None],
        *,
        heard_ms: Callable[[], int],
        speak: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._emit = emit
        self._heard_ms = heard_ms
        self._speak = speak
        self.now = clock
        self.should_reply = True
        self.can_interrupt = True
        self.prefix_padding_ms = 0
        self.turn: Turn | None = None
        self.reply: Reply | None = None
        self._answered: Turn | None = None
        self._handles: deque[SpeechHandle] = deque(maxlen=8)
        self._asked: dict[str, str] = {}
        self._generation: Generation | None = None
        self._is_deaf = False

    # -- the user's turn

    def user_state_changed(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            turn = self.open_turn()
            turn.is_stopped = False
            self._emit(SpeechStarted(turn.item_id, self._audio_ms(event.created_at, self.prefix_padding_ms)))
        elif event.old_state == "speaking" and self.turn is not None:
            self.turn.is_stopped = True
            self._emit(SpeechStopped(self.turn.item_id, self._audio_ms(event.created_at)))
            self._drop_silence()

    def open_turn(self) -> Turn:
        """The turn being spoken, begun now if there is none."""
        if self.turn is None:
            self.turn = Turn(new_id("item"))
        return self.turn

    def drop_turn(self) -> None:
        self.turn = None

    def _audio_ms(self, moment: float, earlier_ms: int = 0) -> int:
        return max(0, self._heard_ms() - int((self.now() - moment) * 1000) - earlier_ms)

    def speech_paused(self, ended_at: float) -> None:
        turn = self.open_turn()
        turn.segments += 1
        turn.speech_ended, turn.pause_seen = ended_at, self.now()

    def recognised(self, text: str) -> None:
        self._is_deaf = False
        if self.turn is None:
            return
        self.turn.segments -= 1
        self.turn.transcribed = self.now()
        self.turn.add_final(text)
        self._drop_silence()

    def recognition_failed(self, error: EngineError) -> None:
        if self.turn is not None:
            self.turn.segments -= 1
            self._emit(TranscriptionFailed(self.turn.item_id, error.message))
            self._drop_silence()
        is_first = not self._is_deaf
        self._is_deaf = True
        self.engine_failed("stt", error, is_spoken=is_first)
        if is_first:  # once for each outage: repeating it would talk over the user
            self._speak(EngineError.spoken_hint)

    def transcribed(self, event: UserInputTranscribedEvent) -> None:
        if self.turn is not None and not event.is_final and self.turn.show_interim(event.transcript):
            self._emit(Transcript(self.turn.item_id, self.turn.shown, is_final=False))

    def turn_completed(self, message: llm.ChatMessage) -> bool:
        self.commit(message.text_content or "")
        return self.should_reply

    def commit(self, text: str) -> None:
        """The turn ends with `text`; the next reply answers it."""
        turn, self.turn = self.open_turn(), None
        turn.committed = self.now()
        self._answered = turn
        self._emit(TurnCommitted(turn.item_id))
        self._emit(Transcript(turn.item_id, text, is_final=True))

    def _drop_silence(self) -> None:
        """A turn that stopped without a word is committed as empty, and gets no reply."""
        if self.turn is not None and self.turn.is_empty:
            self.commit("")
            self._answered = None

    # -- the assistant's reply

    def speech_created(self, event: SpeechCreatedEvent) -> None:
        event.speech_handle.allow_interruptions = self.can_interrupt
        self._handles.append(event.speech_handle)

    def expect(self, handle: SpeechHandle, response_id: str) -> None:
        """The reply spoken by `handle` was asked for under `response_id`."""
        self._asked[handle.id] = response_id

    def reply_refused(self, response_id: str, message: str) -> None:
        """A reply that was promised cannot be given: whoever waits for it is told."""
        item_id = new_id("item")
        self._emit(ReplyStarted(response_id, item_id))
        self._emit(ReplyFinished(response_id, item_id, "failed", error=message))

    def agent_state_changed(self, event: AgentStateChangedEvent) -> None:
        if event.new_state in ("thinking", "speaking"):
            self.open_reply()
        self._emit(StateChanged(_STATES[event.new_state]))

    def open_reply(self, current: SpeechHandle | None = None) -> Reply | None:
        """The reply under way; begun, and its predecessor closed, when another speech took over."""
        handle = current or self._scheduled()
        if handle is None or (self.reply is not None and self.reply.handle is handle):
            return self.reply
        if self.reply is not None:
            self.close_reply(self.reply)
        response_id = self._asked.pop(handle.id, None) or new_id("resp")
        self.reply = reply = Reply(response_id, new_id("item"), handle, turn=self._answered)
        self._answered = None
        if self._generation is not None:
            reply.generations.append(self._generation)
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
        if self.reply is not None and not self.reply.is_closed:
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
        message = f"The {engine} engine failed: {str(error) or type(error).__name__}"
        if engine == "tts" and (reply := self.open_reply()) is not None:
            reply.error = message
        self._emit(EngineFailed(engine, message, is_spoken))

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
        self._emit(reply.finished())
