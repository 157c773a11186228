"""Conversation items on the wire, and the server events about them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from sottovoce.realtime.events.base import ServerEvent, Wire

ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]


class InputText(Wire):
    type: Literal["input_text"] = "input_text"
    text: str


class InputAudio(Wire):
    """The user's voice; `transcript` is null until it is known, and the key is always there."""

    type: Literal["input_audio"] = "input_audio"
    transcript: str | None = None


class OutputText(Wire):
    type: Literal["output_text"] = "output_text"
    text: str


class OutputAudio(Wire):
    type: Literal["output_audio"] = "output_audio"
    transcript: str


Content: TypeAlias = InputText | InputAudio | OutputText | OutputAudio


class MessageItem(Wire):
    id: str
    object: Literal["realtime.item"] = "realtime.item"
    type: Literal["message"] = "message"
    status: ItemStatus
    role: Literal["system", "user", "assistant"]
    content: tuple[Content, ...]


class FunctionCallItem(Wire):
    """The assistant's call of a function of the client's; `arguments` is JSON, and "" until it is whole."""

    id: str
    object: Literal["realtime.item"] = "realtime.item"
    type: Literal["function_call"] = "function_call"
    status: ItemStatus
    call_id: str
    name: str
    arguments: str


class FunctionCallOutputItem(Wire):
    """What the client answered to a call."""

    id: str
    object: Literal["realtime.item"] = "realtime.item"
    type: Literal["function_call_output"] = "function_call_output"
    status: ItemStatus
    call_id: str
    output: str


Item: TypeAlias = MessageItem | FunctionCallItem | FunctionCallOutputItem


class ItemAdded(ServerEvent):
    """`previous_item_id` is the real predecessor, null only for the first item."""

    type: Literal["conversation.item.added"] = "conversation.item.added"
    previous_item_id: str | None
    item: Item


class ItemDone(ServerEvent):
    type: Literal["conversation.item.done"] = "conversation.item.done"
    previous_item_id: str | None
    item: Item


class ItemRetrieved(ServerEvent):
    type: Literal["conversation.item.retrieved"] = "conversation.item.retrieved"
    item: Item


class ItemDeleted(ServerEvent):
    type: Literal["conversation.item.deleted"] = "conversation.item.deleted"
    item_id: str


class ItemTruncated(ServerEvent):
    """`audio_end_ms` is where the item's sound ends now, clamped to what there was."""

    type: Literal["conversation.item.truncated"] = "conversation.item.truncated"
    item_id: str
    content_index: int = 0
    audio_end_ms: int
