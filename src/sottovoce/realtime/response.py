"""One response: from `response.created` to its one `response.done`, in the protocol's order."""

from __future__ import annotations

from base64 import b64encode
from typing import Literal, TypeAlias, TypedDict

from sottovoce.conversation.events import ReplyFinished, Usage
from sottovoce.realtime.audio_config import Audio
from sottovoce.realtime.events import audio as buffer
from sottovoce.realtime.events import responses as wire
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.extensions import ResponseHeard
from sottovoce.realtime.events.items import Item, ItemStatus, OutputAudio
from sottovoce.realtime.events.session import RateLimitsUpdated
from sottovoce.realtime.items import Entry, Items

Transport: TypeAlias = Literal["websocket", "webrtc"]


class _Place(TypedDict):
    response_id: str
    item_id: str


class Response:
    """The events of one response; the item appears with its first word or sound.

    Over WebRTC the sound goes on the track, so its place is taken by `output_audio_buffer.*`.
    """

    def __init__(
        self,
        response_id: str,
        item_id: str,
        items: Items,
        *,
        conversation_id: str,
        audio: Audio,
        metadata: dict[str, str] | None,
        transport: Transport,
        has_extensions: bool,
    ) -> None:
        self.id = response_id
        self.item_id = item_id
        self.is_cancelled = False
        self._items = items
        self._conversation_id = conversation_id
        self._audio = wire.ResponseAudio.of(audio)
        self._metadata = metadata
        self._is_webrtc = transport == "webrtc"
        self._has_extensions = has_extensions
        self._entry: Entry | None = None
        self._is_playing = False
        self._said = ""

    def created(self) -> list[ServerEvent]:
        return [wire.ResponseCreated(response=self._object("in_progress"))]

    def text(self, delta: str) -> list[ServerEvent]:
        if self.is_cancelled or not delta:
            return []
        opened = self._open()
        self._said += delta
        return [*opened, wire.AudioTranscriptDelta(**self._place, delta=delta)]

    def sound(self, samples: bytes) -> list[ServerEvent]:
        """`samples`: 24 kHz mono s16le. No sound of a cancelled response gets out."""
        if self.is_cancelled or not samples:
            return []
        return [*self._open(), wire.AudioDelta(**self._place, delta=b64encode(samples).decode())]

    def playing(self) -> list[ServerEvent]:
        if self.is_cancelled:
            return []
        opened = self._open()
        if not self._is_webrtc or self._is_playing:
            return opened
        self._is_playing = True
        return [*opened, buffer.OutputStarted(response_id=self.id)]

    def finished(self, reply: ReplyFinished) -> list[ServerEvent]:
        """Everything from the end of the sound to `rate_limits.updated`."""
        rest = self.text(reply.heard.removeprefix(self._said)) if self._lacks(reply) else []
        cleared, stopped = self._buffer_ended(reply)
        closed = self._close(reply) if self._entry is not None else []
        done = [*self._heard(reply), self._done(reply), RateLimitsUpdated()]
        return [*rest, *cleared, *closed, *done, *stopped]

    def _lacks(self, reply: ReplyFinished) -> bool:
        """Words that were heard and not yet sent: the deltas must add up to the transcript."""
        is_longer = len(reply.heard) > len(self._said) and reply.heard.startswith(self._said)
        return reply.status == "completed" and is_longer

    def _buffer_ended(self, reply: ReplyFinished) -> tuple[list[ServerEvent], list[ServerEvent]]:
        """What precedes the end of a dropped response, and what follows that of a played one."""
        if not self._is_webrtc or not self._is_playing:
            return [], []
        if reply.status == "cancelled":
            return [buffer.OutputCleared(response_id=self.id)], []
        return [], [buffer.OutputStopped(response_id=self.id)]

    def _heard(self, reply: ReplyFinished) -> list[ServerEvent]:
        if not self._has_extensions or reply.status != "cancelled":
            return []
        return [
            ResponseHeard(response_id=self.id, item_id=self.item_id, heard=reply.heard, unheard=reply.unheard)
        ]

    def _open(self) -> list[ServerEvent]:
        if self._entry is not None:
            return []
        self._entry = self._items.append(self._item("in_progress", ()))
        added = wire.OutputItemAdded(response_id=self.id, item=self._entry.item)
        part = wire.ContentPartAdded(**self._place, part=wire.AudioPart(transcript=""))
        return [added, self._entry.added(), part]

    def _close(self, reply: ReplyFinished) -> list[ServerEvent]:
        assert self._entry is not None
        transcript = reply.heard if reply.status == "cancelled" else self._said
        status: ItemStatus = "completed" if reply.status == "completed" else "incomplete"
        entry = self._entry
        entry.item = self._item(status, (OutputAudio(transcript=transcript),))
        entry.audio_ms, entry.is_interrupted = reply.audio_ms, reply.status == "cancelled"
        return [
            wire.AudioDone(**self._place),
            wire.AudioTranscriptDone(**self._place, transcript=transcript),
            wire.ContentPartDone(**self._place, part=wire.AudioPart(transcript=transcript)),
            entry.done(),
            wire.OutputItemDone(response_id=self.id, item=entry.item),
        ]

    def _done(self, reply: ReplyFinished) -> ServerEvent:
        output = (self._entry.item,) if self._entry is not None else ()
        finished = self._object(reply.status).model_copy(
            update={"status_details": _details(reply), "output": output, "usage": _usage(reply.usage)}
        )
        return wire.ResponseDone(response=finished)

    @property
    def _place(self) -> _Place:
        return {"response_id": self.id, "item_id": self.item_id}

    def _item(self, status: ItemStatus, content: tuple[OutputAudio, ...]) -> Item:
        return Item(id=self.item_id, status=status, role="assistant", content=content)

    def _object(self, status: wire.ResponseStatus) -> wire.ResponseObject:
        return wire.ResponseObject(
            id=self.id,
            conversation_id=self._conversation_id,
            status=status,
            audio=self._audio,
            metadata=self._metadata,
        )


def _details(reply: ReplyFinished) -> wire.StatusDetails | None:
    if reply.status == "completed":
        return None
    error = None
    if reply.status == "failed":
        message = reply.error or "The reply failed."
        error = wire.ResponseError(type="server_error", code="engine_error", message=message)
    return wire.StatusDetails(type=reply.status, reason=reply.reason, error=error)


def _usage(usage: Usage) -> wire.ResponseUsage:
    return wire.ResponseUsage(
        total_tokens=usage.input_tokens + usage.output_tokens,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        input_token_details=wire.InputTokens(text_tokens=usage.input_tokens),
        output_token_details=wire.OutputTokens(text_tokens=usage.output_tokens),
    )
