"""One response: from `response.created` to its one `response.done`, in the protocol's order."""

from __future__ import annotations

from sottovoce.conversation.events import FunctionCalled, ReplyFinished
from sottovoce.conversation.history import FunctionCall
from sottovoce.realtime.drafts import called
from sottovoce.realtime.events import audio as buffer
from sottovoce.realtime.events import responses as wire
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.extensions import ResponseHeard
from sottovoce.realtime.events.items import Item, ItemStatus, ItemTruncated, MessageItem
from sottovoce.realtime.events.session import RateLimitsUpdated
from sottovoce.realtime.items import Entry, Items
from sottovoce.realtime.message_output import Place, SpokenMessage, WrittenMessage
from sottovoce.realtime.response_traits import ResponseTraits


class Response:
    """The events of one response; its message appears with the first word or sound.

    Over WebRTC the sound goes on the track, so its place is taken by `output_audio_buffer.*`.
    """

    def __init__(self, traits: ResponseTraits, items: Items) -> None:
        self.traits = traits
        self.is_cancelled = False
        self._items = items
        self._is_webrtc = traits.transport == "webrtc"
        self._outputs: list[Entry] = []
        self._message: tuple[Entry, SpokenMessage | WrittenMessage] | None = None
        self._is_playing = False
        self._said = ""

    @property
    def id(self) -> str:
        return self.traits.id

    @property
    def is_in_conversation(self) -> bool:
        return self.traits.conversation_id is not None

    def created(self) -> ServerEvent:
        return wire.ResponseCreated(response=self.traits.shown("in_progress"))

    def text(self, delta: str) -> list[ServerEvent]:
        if self.is_cancelled or not delta:
            return []
        opened, (_, message) = self._opened()
        self._said += delta
        return [*opened, message.words(delta)]

    def sound(self, samples: bytes) -> list[ServerEvent]:
        """`samples`: 24 kHz mono s16le. No sound of a cancelled response gets out."""
        if self.is_cancelled or not samples:
            return []
        opened, (_, message) = self._opened()
        return [*opened, *message.sound(samples)]

    def playing(self) -> list[ServerEvent]:
        if self.is_cancelled:
            return []
        opened, _ = self._opened()
        if not self._is_webrtc or self._is_playing:
            return opened
        self._is_playing = True
        return [*opened, buffer.OutputStarted(response_id=self.id)]

    def called(self, event: FunctionCalled) -> list[ServerEvent]:
        """A function of the client's is called, whole at once."""
        done = called(FunctionCall(event.item_id, event.call_id, event.name, event.arguments))
        begun = done.model_copy(update={"status": "in_progress", "arguments": ""})
        entry, added = self._added(Entry(begun))
        place = self._place(entry)
        delta = wire.ArgumentsDelta(**place, call_id=event.call_id, delta=event.arguments)
        whole = wire.ArgumentsDone(**place, call_id=event.call_id, name=event.name, arguments=event.arguments)
        return [*added, delta, whole, *self._ended(entry, done)]

    def finished(self, reply: ReplyFinished) -> list[ServerEvent]:
        """Everything from the end of the sound to `rate_limits.updated`, and what follows it over WebRTC."""
        rest = self._rest(reply)
        is_dropped = self._is_playing and reply.status == "cancelled"
        cleared = [buffer.OutputCleared(response_id=self.id)] if is_dropped else []
        is_played = self._is_playing and not is_dropped
        stopped = [buffer.OutputStopped(response_id=self.id)] if is_played else []
        closed = self._closed(reply)
        done = [*self._heard(reply), self._done(reply), RateLimitsUpdated()]
        return [*rest, *cleared, *closed, *done, *stopped, *self._truncated(reply)]

    def _rest(self, reply: ReplyFinished) -> list[ServerEvent]:
        """Words and sound that were heard and not yet sent: the deltas must add up."""
        if reply.status == "cancelled":
            return []
        is_longer = len(reply.heard) > len(self._said) and reply.heard.startswith(self._said)
        words = self.text(reply.heard[len(self._said) :]) if is_longer else []
        has_sound = self._message is not None and not self.is_cancelled and not self._is_webrtc
        return [*words, *(self._message[1].rest() if self._message and has_sound else [])]

    def _heard(self, reply: ReplyFinished) -> list[ServerEvent]:
        if not self.traits.has_extensions or reply.status != "cancelled":
            return []
        item_id = self.traits.item_id
        return [ResponseHeard(response_id=self.id, item_id=item_id, heard=reply.heard, unheard=reply.unheard)]

    def _opened(self) -> tuple[list[ServerEvent], tuple[Entry, SpokenMessage | WrittenMessage]]:
        """The message; and its beginning, where it had not begun."""
        if self._message is not None:
            return [], self._message
        traits = self.traits
        item = MessageItem(id=traits.item_id, status="in_progress", role="assistant", content=())
        entry, added = self._added(Entry(item, is_settled=False))
        place = self._place(entry)
        is_spoken = traits.modality == "audio"
        message = SpokenMessage(place, traits.form) if is_spoken else WrittenMessage(place)
        self._message = entry, message
        return [*added, message.opening()], self._message

    def _added(self, entry: Entry) -> tuple[Entry, list[ServerEvent]]:
        self._outputs.append(entry)
        added = wire.OutputItemAdded(
            response_id=self.id, output_index=len(self._outputs) - 1, item=entry.item
        )
        if not self.is_in_conversation:
            return entry, [added]
        return entry, [added, self._items.add(entry).added()]

    def _ended(self, entry: Entry, item: Item) -> list[ServerEvent]:
        """`entry` has become `item`, and stays so."""
        entry.is_settled = True
        index = self._outputs.index(entry)
        done = wire.OutputItemDone(response_id=self.id, output_index=index, item=item)
        if not self.is_in_conversation:
            entry.item = item
            return [done]
        self._items.change(entry, item)
        return [entry.done(), done]

    def _closed(self, reply: ReplyFinished) -> list[ServerEvent]:
        if self._message is None and not reply.heard:
            return []
        opened, (entry, message) = self._opened()
        is_spoken = isinstance(message, SpokenMessage)
        words = reply.heard if reply.status == "cancelled" and is_spoken else self._said
        status: ItemStatus = "completed" if reply.status == "completed" else "incomplete"
        entry.audio_ms = reply.audio_ms if is_spoken else None
        said = {"status": status, "content": (message.content(words),)}
        return [*opened, *message.closing(words), *self._ended(entry, entry.item.model_copy(update=said))]

    def _truncated(self, reply: ReplyFinished) -> list[ServerEvent]:
        """Over WebRTC the server alone knows what was heard."""
        has_sound = self._message is not None and self._message[0].audio_ms is not None
        if not (self._is_webrtc and has_sound and self.is_in_conversation and reply.status == "cancelled"):
            return []
        return [ItemTruncated(item_id=self.traits.item_id, audio_end_ms=reply.audio_ms)]

    def _done(self, reply: ReplyFinished) -> ServerEvent:
        output = tuple(entry.item for entry in self._outputs)
        return wire.ResponseDone(response=self.traits.finished(reply, output))

    def _place(self, entry: Entry) -> Place:
        index = self._outputs.index(entry)
        return {"response_id": self.id, "item_id": entry.item.id, "output_index": index}
