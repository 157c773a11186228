"""A session without engines: records what it is asked, tells what a test has it tell.

`FakeSession` does nothing by itself. `TalkingSession` replies to `respond` with `answer`, in step with the
frames that are pulled (or at once, where it is written or beside the conversation), calls the functions it is
told to, and takes a turn for each `commit_input`; nothing in it needs a clock or a task.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.playout import FRAME_BYTES, PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.conversation.history import FIRST, HistoryItem, Message, Role, SpokenMessage
from sottovoce.conversation.options import ReplyOptions, SessionOptions
from sottovoce.conversation.port import InterruptReason
from sottovoce.errors import InvalidRequestError, SottovoceError

USAGE = told.Usage(input_tokens=11, output_tokens=7)
SPEECH = b"\x10\x01" * (FRAME_BYTES // 2)


class FakePlayout:
    def __init__(self) -> None:
        self.output_delay = 0.0
        self.frames: deque[PlayoutFrame] = deque()
        self.on_empty: Callable[[], None] = lambda: None
        self.on_pull: Callable[[PlayoutFrame], None] = lambda frame: None

    def pull(self) -> PlayoutFrame | None:
        if not self.frames:
            self.on_empty()
            return None
        frame = self.frames.popleft()
        self.on_pull(frame)
        return frame


class FakeSession:
    def __init__(self, options: SessionOptions | None = None) -> None:
        self.id = "sess_fake"
        self.options = options or SessionOptions()
        self.playout = FakePlayout()
        self.is_started = False
        self.closed = asyncio.Event()
        self.heard = bytearray()
        self.history: list[HistoryItem] = []
        self.asked: list[tuple[ReplyOptions, str]] = []
        self.interrupted: list[str | None] = []
        self.truncated: list[tuple[str, int]] = []
        self.clears = 0
        self.commits = 0
        self.start_error: SottovoceError | None = None
        self.refusal: SottovoceError | None = None
        """Raised by whatever is asked next."""
        self._told: asyncio.Queue[told.SessionEvent | None] = asyncio.Queue()

    def tell(self, *events: told.SessionEvent) -> None:
        for event in events:
            self._told.put_nowait(event)

    def queue_speech(self, frames: int, response_id: str = "resp_1", item_id: str = "item_a") -> None:
        self.playout.frames.extend(PlayoutFrame(response_id, item_id, SPEECH) for _ in range(frames))

    @property
    def messages(self) -> list[tuple[Role, str, str]]:
        """What was written, in the history's order."""
        written = [item for item in self.history if isinstance(item, Message)]
        return [(item.role, item.text, item.item_id) for item in written]

    @property
    def is_closed(self) -> bool:
        return self.closed.is_set()

    async def start(self) -> None:
        if self.start_error is not None:
            raise self.start_error
        self.is_started = True

    async def aclose(self) -> None:
        self.closed.set()
        self._told.put_nowait(None)

    async def events(self) -> AsyncIterator[told.SessionEvent]:
        while (event := await self._told.get()) is not None:
            yield event

    def push_audio(self, frame: AudioFrame) -> None:
        self._refuse()
        self.heard += frame.samples

    def update(self, options: SessionOptions) -> None:
        self._refuse()
        self.options = options

    def commit_input(self) -> str:
        self._refuse()
        self.commits += 1
        return f"item_turn_{self.commits}"

    def clear_input(self) -> None:
        self._refuse()
        self.clears += 1
        self.heard.clear()

    def add_item(self, item: HistoryItem, after: str | None = None) -> None:
        self._refuse()
        known = [each.item_id for each in self.history]
        at = 0 if after == FIRST else known.index(after) + 1 if after in known else len(known)
        self.history.insert(at, item)

    def delete_item(self, item_id: str) -> None:
        self._refuse()
        self.history = [item for item in self.history if item.item_id != item_id]

    def truncate_item(self, item_id: str, audio_end_ms: int) -> str:
        self._refuse()
        self.truncated.append((item_id, audio_end_ms))
        return "what was heard"

    def respond(self, options: ReplyOptions | None = None, response_id: str | None = None) -> str:
        self._refuse()
        response_id = response_id or f"resp_own_{len(self.asked) + 1}"
        self.asked.append((options or ReplyOptions(), response_id))
        return response_id

    def interrupt(self, reason: InterruptReason = "client_cancelled", response_id: str | None = None) -> bool:
        self._refuse()
        self.interrupted.append(response_id)
        return True

    def _refuse(self) -> None:
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal


class TalkingSession(FakeSession):
    """Speaks `answer` in `frames` frames: a word with each, the rest with the last.

    `calls` are names and arguments of functions, of which each reply that has tools calls the next.
    """

    answer = "It is ten past four in the afternoon."
    heard_words = "what time is it"
    frames = 30

    def __init__(self, options: SessionOptions | None = None) -> None:
        super().__init__(options)
        self.calls: deque[tuple[str, str]] = deque()
        self._reply: tuple[str, str] | None = None
        self._replies = 0
        self._said = ""
        self._pulled = 0
        self.playout.on_pull = self._spoke
        self.playout.on_empty = self._finish

    def commit_input(self) -> str:
        if len(self.heard) < 4800:
            raise InvalidRequestError("Too little.", code="input_audio_buffer_commit_empty")
        item_id = super().commit_input()
        self.heard.clear()
        self.tell(told.TurnCommitted(item_id), told.Transcript(item_id, self.heard_words, is_final=True))
        return item_id

    def add_item(self, item: HistoryItem, after: str | None = None) -> None:
        super().add_item(item, after)
        if isinstance(item, SpokenMessage):
            self.tell(told.Transcript(item.item_id, self.heard_words, is_final=True))

    def truncate_item(self, item_id: str, audio_end_ms: int) -> str:
        super().truncate_item(item_id, audio_end_ms)
        return " ".join(self.answer.split(" ")[: audio_end_ms // 20])

    def respond(self, options: ReplyOptions | None = None, response_id: str | None = None) -> str:
        options = options or ReplyOptions()
        if options.is_in_conversation and self._reply is not None:
            raise InvalidRequestError("Busy.", code="conversation_already_has_active_response")
        response_id = super().respond(options, response_id)
        self._replies += 1
        reply = (response_id, f"item_reply_{self._replies}")
        modality = options.modality or self.options.modality
        self.tell(told.ReplyStarted(*reply, modality))
        tools = self.options.tools if options.tools is None else options.tools
        if tools and self.calls:
            self._call(*reply)
        elif modality == "text" or not options.is_in_conversation:
            self._write(*reply)
        else:
            self._reply, self._said, self._pulled = reply, "", 0
            self.queue_speech(self.frames, *reply)
        return response_id

    def interrupt(self, reason: InterruptReason = "client_cancelled", response_id: str | None = None) -> bool:
        super().interrupt(reason, response_id)
        self.playout.frames.clear()
        unheard = self.answer.removeprefix(self._said)
        return self._end("cancelled", reason, unheard)

    def _call(self, response_id: str, item_id: str) -> None:
        call = (f"{item_id}_call", f"call_{self._replies}", *self.calls.popleft())
        self.tell(told.FunctionCalled(response_id, *call))
        self.tell(told.ReplyFinished(response_id, item_id, "completed", usage=USAGE))

    def _write(self, response_id: str, item_id: str) -> None:
        for word in self.answer.split(" "):
            self.tell(told.ReplyText(response_id, item_id, word if word == "It" else f" {word}"))
        self.tell(told.ReplyFinished(response_id, item_id, "completed", heard=self.answer, usage=USAGE))

    def _spoke(self, frame: PlayoutFrame) -> None:
        assert self._reply is not None
        if self._pulled == 0:
            self.tell(told.ReplyPlaying(self._reply[0]))
        self._pulled += 1
        words = self.answer.split(" ")
        if self._pulled <= len(words):
            delta = words[self._pulled - 1] + (" " if self._pulled < len(words) else "")
            self._said += delta
            self.tell(told.ReplyText(*self._reply, delta))

    def _finish(self) -> None:
        self._end("completed", None, "")

    def _end(self, status: told.ReplyStatus, reason: told.ReplyReason | None, unheard: str) -> bool:
        if self._reply is None:
            return False
        reply, self._reply = self._reply, None
        heard_ms = self._pulled * 20
        self.tell(told.ReplyFinished(*reply, status, reason, self._said, unheard, heard_ms, USAGE))
        return True
