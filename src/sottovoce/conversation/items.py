"""The history as clients change it, and as replies and turns add to it: one change after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from livekit.agents import ConversationItemAddedEvent, llm

from sottovoce.conversation.actions import Actions
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.adapters.segments import Hints
from sottovoce.conversation.events import FunctionCalled, SessionEvent, Transcript, TranscriptionFailed
from sottovoce.conversation.heard import SpokenReplies
from sottovoce.conversation.history import FunctionCall, HistoryItem, Message, SpokenMessage
from sottovoce.conversation.record import Record
from sottovoce.conversation.recordings import check_recording, words_of
from sottovoce.conversation.replies import Replies
from sottovoce.conversation.reply import Reply
from sottovoce.errors import EngineError, InvalidRequestError
from sottovoce.ids import random_id


class Items:
    def __init__(
        self,
        record: Record,
        replies: Replies,
        actions: Actions,
        tell: Callable[[SessionEvent], None],
        *,
        clients: EngineClients,
        hints: Callable[[], Hints],
    ) -> None:
        self._record = record
        self._replies = replies
        self._actions = actions
        self._tell = tell
        self._clients = clients
        self._hints = hints
        self._spoken = SpokenReplies()

    def add(self, item: HistoryItem, after: str | None) -> None:
        """Raises `InvalidRequestError` for a recording that is too long."""
        if isinstance(item, SpokenMessage):
            check_recording(item)
            self._actions.put(partial(self._add_recording, item, after))
        else:
            self._actions.put(partial(self._record.add, item, after))

    async def _add_recording(self, item: SpokenMessage, after: str | None) -> None:
        await self._record.add(item, after)
        try:
            text = await words_of(item, self._clients, self._hints())
        except EngineError as error:
            self._replies.engine_failed("stt", error, is_spoken=False)
            self._tell(TranscriptionFailed(item.item_id, error.message))
            return
        await self._record.rewrite(item.item_id, text)
        self._tell(Transcript(item.item_id, text, is_final=True))

    async def with_words(self, item: HistoryItem) -> HistoryItem:
        """`item`, a message in place of a recording; raises `EngineError`."""
        if not isinstance(item, SpokenMessage):
            return item
        return Message(item.item_id, "user", await words_of(item, self._clients, self._hints()))

    def delete(self, item_id: str) -> None:
        if (reply := self._replies.speeches.find_item(item_id)) is not None:
            reply.is_deleted = True
        self._spoken.forget(item_id)
        self._actions.put(partial(self._record.delete, item_id))

    def truncate(self, item_id: str, audio_end_ms: int) -> str:
        """Raises `InvalidRequestError` for what is no spoken reply that ended a short while ago."""
        if self._replies.speeches.find_item(item_id) is not None:
            raise InvalidRequestError("The reply is still being given; truncate it when it is over.")
        words = self._spoken.cut(item_id, audio_end_ms)
        self._actions.put(partial(self._record.rewrite, item_id, words))
        return words

    def added(self, event: ConversationItemAddedEvent) -> None:
        """AgentSession wrote something down."""
        if isinstance(event.item, llm.ChatMessage):
            self._record.added(event.item, self._replies.current())

    def keep(self, reply: Reply) -> None:
        """`reply` is over: its calls are told and kept, and what was heard of it."""
        for call in reply.calls:
            self._call(reply, call)
        if reply.is_deleted:
            self._actions.put(partial(self._record.retract, reply))
        elif reply.plan.is_in_conversation:
            self._keep_words(reply)
        self._actions.put(self._record.trim)

    def _keep_words(self, reply: Reply) -> None:
        heard = reply.heard
        if reply.status == "cancelled" and heard and not reply.written:  # a first word, cut off
            self._actions.put(partial(self._record.add, Message(reply.item_id, "assistant", heard)))
        if reply.plan.modality == "audio":
            self._spoken.keep(reply.item_id, heard, reply.audio, reply.captions)

    def _call(self, reply: Reply, call: llm.FunctionToolCall) -> None:
        item = FunctionCall(random_id("item"), call.call_id, call.name, call.arguments)
        if reply.plan.is_in_conversation:
            self._actions.put(partial(self._record.add, item, group=reply.item_id))
        told = FunctionCalled(reply.response_id, item.item_id, item.call_id, item.name, item.arguments)
        self._tell(told)
