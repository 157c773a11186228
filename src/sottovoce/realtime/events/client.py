"""Client events: what a client may say, read strictly, faults named by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.audio_config import AudioFormat, by_id
from sottovoce.realtime.config_part import ConfigPart, Instructions, Name
from sottovoce.realtime.events.base import Wire
from sottovoce.realtime.events.client_items import AnyInputItem, AnyNewItem, Base64, Id
from sottovoce.realtime.events.faults import fault
from sottovoce.realtime.session_config import GivenConfig
from sottovoce.realtime.session_fields import Modalities, NoPrompt, Reasoning
from sottovoce.realtime.tools_config import MaxOutputTokens, ToolChoice, Tools

MAX_METADATA = 16
"""Entries of a response's metadata, as at OpenAI, whose keys and values have these lengths:"""
MAX_METADATA_KEY_CHARACTERS = 64
MAX_METADATA_VALUE_CHARACTERS = 512
MAX_AUDIO_END_MS = 86_400_000
MAX_INPUT_ITEMS = 256
"""A response's own `input`; with the limits of each item it bounds what the model is made to read."""


class ClientEvent(Wire):
    event_id: Id | None = None


class SessionUpdate(ClientEvent):
    type: Literal["session.update"]
    session: GivenConfig


class InputAppend(ClientEvent):
    type: Literal["input_audio_buffer.append"]
    audio: Base64


class InputCommit(ClientEvent):
    type: Literal["input_audio_buffer.commit"]


class InputClear(ClientEvent):
    type: Literal["input_audio_buffer.clear"]


class OutputClear(ClientEvent):
    type: Literal["output_audio_buffer.clear"]


class ItemCreate(ClientEvent):
    type: Literal["conversation.item.create"]
    item: AnyNewItem
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


class ResponseVoice(ConfigPart):
    format: AudioFormat | None = None
    voice: Name | None = None

    _by_id = field_validator("voice", mode="before")(by_id)


class ResponseSound(ConfigPart):
    output: ResponseVoice = ResponseVoice()


class ResponseParams(ConfigPart):
    """What one response may set for itself; what is not given is the session's."""

    instructions: Instructions | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=MAX_METADATA)] | None = None
    conversation: Literal["auto", "none"] = "auto"
    input: (
        Annotated[tuple[AnyInputItem, ...], Field(max_length=MAX_INPUT_ITEMS, strict=False, fail_fast=True)]
        | None
    ) = None
    output_modalities: Modalities | None = None
    audio: ResponseSound = ResponseSound()
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool = True
    max_output_tokens: MaxOutputTokens | None = None
    reasoning: Reasoning | None = None
    prompt: NoPrompt = None


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


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore")

    event_id: Id


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that breaks the protocol: why, and the `event_id` it has, if that much can be read."""

    error: InvalidRequestError
    event_id: str | None


def read(message: str | bytes) -> AnyClientEvent | Unreadable:
    """The first field at fault is named."""
    try:
        return _EVENT.validate_json(message)
    except ValidationError as error:
        return Unreadable(fault(error), _event_id_of(message))


def _event_id_of(message: str | bytes) -> str | None:
    try:
        return _Envelope.model_validate_json(message).event_id
    except ValidationError:
        return None
