"""A session without engines: records what it is asked, tells what a test has it tell.

`FakeSession` does nothing by itself. `TalkingSession` replies to `respond` with `answer`, in step with the
frames that are pulled, and takes a turn for each `commit_input`; nothing in it needs a clock or a task.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.playout import FRAME_BYTES, PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.conversation.history import HistoryItem, Message, Role
from sottovoce.conversation.options import ReplyOptions, SessionOptions
from sottovoce.conversation.port import InterruptReason
from sottovoce.errors import InvalidRequestError, SottovoceError

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
        self.messages: list[tuple[Role, str, str]] = []
        self.asked: list[tuple[str | None, str]] = []
        self.interruptions = 0
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
        assert isinstance(item, Message)
        self.messages.append((item.role, item.text, item.item_id))

    def delete_item(self, item_id: str) -> None:
        self._refuse()

    def truncate_item(self, item_id: str, audio_end_ms: int) -> str:
        self._refuse()
        return ""

    def respond(self, options: ReplyOptions | None = None, response_id: str | None = None) -> str:
        self._refuse()
        assert response_id is not None
        self.asked.append((options.instructions if options else None, response_id))
        return response_id

    def interrupt(self, reason: InterruptReason = "client_cancelled", response_id: str | None = None) -> bool:
        self._refuse()
        self.interruptions += 1
        return True

    def _refuse(self) -> None:
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal


class TalkingSession(FakeSession):
    """Speaks `answer` in `frames` frames: a word with each, the rest with the last."""

    answer = "It is ten past four in the afternoon."
    frames = 30

    def __init__(self, options: SessionOptions | None = None) -> None:
        super().__init__(options)
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
        self.tell(told.TurnCommitted(item_id), told.Transcript(item_id, "what time is it", is_final=True))
        return item_id

    def respond(self, options: ReplyOptions | None = None, response_id: str | None = None) -> str:
        response_id = super().respond(options, response_id)
        self._replies += 1
        self._reply = (response_id, f"item_reply_{self._replies}")
        self._said, self._pulled = "", 0
        self.tell(told.ReplyStarted(*self._reply))
        self.queue_speech(self.frames, *self._reply)
        return response_id

    def interrupt(self, reason: InterruptReason = "client_cancelled", response_id: str | None = None) -> bool:
        self.playout.frames.clear()
        unheard = self.answer.removeprefix(self._said)
        return self._end("cancelled", reason, unheard)

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
        usage = told.Usage(input_tokens=11, output_tokens=7)
        heard_ms = self._pulled * 20
        self.tell(told.ReplyFinished(*reply, status, reason, self._said, unheard, heard_ms, usage))
        return True
