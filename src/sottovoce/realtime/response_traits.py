"""What one response is, apart from what is said in it: as clients see it at its beginning and its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sottovoce.conversation.events import ReplyFinished, Usage
from sottovoce.conversation.options import Modality
from sottovoce.realtime.audio_config import G711Format, PcmFormat
from sottovoce.realtime.events import responses as wire
from sottovoce.realtime.events.items import Item

Transport: TypeAlias = Literal["websocket", "webrtc"]


@dataclass(frozen=True, slots=True)
class ResponseTraits:
    """What a response is, and what of it the client is shown.

    `conversation_id` is None for one beside the conversation: its items stand nowhere.
    """

    id: str
    item_id: str
    modality: Modality
    conversation_id: str | None
    form: PcmFormat | G711Format
    voice: str
    max_output_tokens: int | Literal["inf"] = "inf"
    metadata: dict[str, str] | None = None
    transport: Transport = "websocket"
    has_extensions: bool = False

    def shown(self, status: wire.ResponseStatus) -> wire.ResponseObject:
        voice = wire.ResponseVoice(format=self.form, voice=self.voice)
        return wire.ResponseObject(
            id=self.id,
            conversation_id=self.conversation_id,
            status=status,
            output_modalities=(self.modality,),
            audio=wire.ResponseAudio(output=voice),
            max_output_tokens=self.max_output_tokens,
            metadata=self.metadata,
        )

    def finished(self, reply: ReplyFinished, output: tuple[Item, ...]) -> wire.ResponseObject:
        ended = {"status_details": _details(reply), "output": output, "usage": _usage(reply.usage)}
        return self.shown(reply.status).model_copy(update=ended)


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
