"""Client events: what a client may say, read strictly, faults named by field."""

from __future__ import annotations

import binascii
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sottovoce.ids import MAX_ID_CHARACTERS
from sottovoce.realtime.config_part import ConfigPart, Instructions, refuse
from sottovoce.realtime.events.base import Wire
from sottovoce.realtime.events.faults import fault
from sottovoce.realtime.session_config import GivenConfig, Modalities

MAX_MESSAGE_CHARACTERS = 32_768
"""One written message; items are kept for the session's life."""
MAX_CONTENT_PARTS = 16
MAX_METADATA = 16
"""Entries of a response's metadata, as at OpenAI, whose keys and values have these lengths:"""
MAX_METADATA_KEY_CHARACTERS = 64
MAX_METADATA_VALUE_CHARACTERS = 512
MAX_AUDIO_END_MS = 86_400_000

Id: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_CHARACTERS)]


def _decode(audio: object) -> object:
    if not isinstance(audio, str):
        return audio
    try:
        return binascii.a2b_base64(audio, strict_mode=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("base64", "Input should be base64 of 16-bit PCM") from None


Pcm: TypeAlias = Annotated[bytes, BeforeValidator(_decode)]


class ClientEvent(Wire):
    event_id: Id | None = None


class SessionUpdate(ClientEvent):
    type: Literal["session.update"]
    session: GivenConfig


class InputAppend(ClientEvent):
    type: Literal["input_audio_buffer.append"]
    audio: Pcm


class InputCommit(ClientEvent):
    type: Literal["input_audio_buffer.commit"]


class InputClear(ClientEvent):
    type: Literal["input_audio_buffer.clear"]


class OutputClear(ClientEvent):
    type: Literal["output_audio_buffer.clear"]


Text: TypeAlias = Annotated[str, StringConstraints(max_length=MAX_MESSAGE_CHARACTERS)]


class InputTextPart(Wire):
    type: Literal["input_text"]
    text: Text


class OutputTextPart(Wire):
    type: Literal["output_text"]
    text: Text


WrittenPart: TypeAlias = Annotated[InputTextPart | OutputTextPart, Field(discriminator="type")]


class NewMessage(ConfigPart):
    """A written message; other items, and audio and images in messages, are refused by their type."""

    type: Literal["message"]
    role: Literal["system", "user", "assistant"]
    content: Annotated[
        tuple[WrittenPart, ...], FailFast(), Field(min_length=1, max_length=MAX_CONTENT_PARTS, strict=False)
    ]
    id: Id | None = None
    object: Literal["realtime.item"] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None

    @model_validator(mode="after")
    def _content_fits_role(self) -> NewMessage:
        expected = "output_text" if self.role == "assistant" else "input_text"
        if any(part.type != expected for part in self.content):
            message = "The content of a {role} message should be of type '{expected}'"
            raise PydanticCustomError("content_type", message, {"role": self.role, "expected": expected})
        return self

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.content)


class ItemCreate(ClientEvent):
    type: Literal["conversation.item.create"]
    item: NewMessage
    previous_item_id: Id | None = None


class ItemRetrieve(ClientEvent):
    type: Literal["conversation.item.retrieve"]
    item_id: Id


class ItemDelete(ClientEvent):
    type: Literal["conversation.item.delete"]
    item_id: Id


class ItemTruncate(ClientEvent):
    type: Literal["conversation.item.truncate"]
    item_id: Id
    content_index: Annotated[int, Field(ge=0)]
    audio_end_ms: Annotated[float, Field(ge=0, le=MAX_AUDIO_END_MS)]


MetadataKey: TypeAlias = Annotated[str, StringConstraints(max_length=MAX_METADATA_KEY_CHARACTERS)]
MetadataValue: TypeAlias = Annotated[str, StringConstraints(max_length=MAX_METADATA_VALUE_CHARACTERS)]


NoneYet: TypeAlias = Annotated[tuple[None, ...], refuse("This is not supported yet; leave it out")]


class ResponseParams(ConfigPart):
    """What one response may set for itself; the rest of OpenAI's list is refused until it is honoured."""

    instructions: Instructions | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=MAX_METADATA)] | None = None
    conversation: Literal["auto"] = "auto"
    output_modalities: Modalities = ("audio",)
    tools: NoneYet = ()
    tool_choice: Literal["auto"] = "auto"
    parallel_tool_calls: bool = True
    max_output_tokens: Literal["inf"] = "inf"


class ResponseCreate(ClientEvent):
    type: Literal["response.create"]
    response: ResponseParams | None = None


class ResponseCancel(ClientEvent):
    type: Literal["response.cancel"]
    response_id: Id | None = None


AnyClientEvent: TypeAlias = Annotated[
    SessionUpdate
    | InputAppend
    | InputCommit
    | InputClear
    | OutputClear
    | ItemCreate
    | ItemRetrieve
    | ItemDelete
    | ItemTruncate
    | ResponseCreate
    | ResponseCancel,
    Field(discriminator="type"),
]
_EVENT: TypeAdapter[AnyClientEvent] = TypeAdapter(AnyClientEvent)


def parse(message: str | bytes) -> AnyClientEvent:
    """Raises `InvalidRequestError` naming the first field at fault."""
    try:
        return _EVENT.validate_json(message)
    except ValidationError as error:
        raise fault(error) from None


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore")

    event_id: Id


def event_id_of(message: str | bytes) -> str | None:
    """The `event_id` of a message that `parse` refused, if it has a usable one."""
    try:
        return _Envelope.model_validate_json(message).event_id
    except ValidationError:
        return None
