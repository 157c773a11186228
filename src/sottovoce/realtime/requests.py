"""What clients ask about items: create, retrieve, delete, truncate.

Each answers with a step or raises `InvalidRequestError`, or `Unsettled` for what must wait.
"""

from __future__ import annotations

from sottovoce.conversation.history import FIRST
from sottovoce.errors import InvalidRequestError
from sottovoce.ids import NewId
from sottovoce.realtime.audio_config import G711Format, PcmFormat
from sottovoce.realtime.commands import AddItem, DeleteItem, TruncateItem
from sottovoce.realtime.drafts import draft
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.client import ItemCreate, ItemDelete, ItemRetrieve, ItemTruncate
from sottovoce.realtime.events.client_items import McpItem
from sottovoce.realtime.events.items import (
    ItemDeleted,
    ItemRetrieved,
    ItemTruncated,
    MessageItem,
    OutputAudio,
)
from sottovoce.realtime.input_audio import MAX_BUFFERED
from sottovoce.realtime.items import Entry, Items


class Unsettled(Exception):  # noqa: N818  named for the situation
    """The item that is asked about is still growing; ask again when it has ended."""


def create(event: ItemCreate, items: Items, new_id: NewId, form: PcmFormat | G711Format) -> AddItem:
    assert not isinstance(event.item, McpItem)  # refused when it was read
    drafted = draft(event.item, new_id, form)
    if drafted.item.id in items or items.holding(drafted.item.id) is not None:
        raise InvalidRequestError(
            f"An item with the id '{drafted.item.id}' already exists.",
            param="item.id",
            code="item_create_duplicate_item_id",
        )
    if items.untold + sum(drafted.entry().untold.values()) > MAX_BUFFERED:
        raise InvalidRequestError(
            f"{MAX_BUFFERED:.0f} s of recordings wait to be transcribed; send more when they were.",
            param="item.content",
        )
    previous = event.previous_item_id
    return AddItem(drafted, previous, _after(previous, items), event_id=event.event_id)


def _after(previous: str | None, items: Items) -> str | None:
    """The piece of the session's history that the new one is to follow."""
    if previous is None or previous == FIRST:
        return previous
    entry = items.get(previous)
    if entry is None:
        raise InvalidRequestError(
            f"There is no item '{previous}'.",
            param="previous_item_id",
            code="item_create_invalid_previous_item_id",
        )
    return list(entry.pieces)[-1]


def created(command: AddItem, items: Items) -> list[ServerEvent]:
    """The answer once the session has taken the item."""
    entry = items.add(command.draft.entry(), command.previous_item_id)
    return [entry.added(), entry.done()]


def retrieve(event: ItemRetrieve, items: Items) -> ItemRetrieved:
    return ItemRetrieved(item=find(event.item_id, items, "item_retrieve_invalid_item_id").item)


def delete(event: ItemDelete, items: Items) -> DeleteItem:
    entry = find(event.item_id, items, "item_delete_invalid_item_id")
    if not entry.is_settled:
        raise Unsettled
    return forget(entry, event.event_id)


def forget(entry: Entry, event_id: str | None = None) -> DeleteItem:
    return DeleteItem(entry.item.id, tuple(entry.pieces), event_id=event_id)


def deleted(command: DeleteItem, items: Items) -> list[ServerEvent]:
    """Nobody is told of an item that was never shown."""
    return [ItemDeleted(item_id=command.item_id)] if items.remove(command.item_id) else []


def truncate(event: ItemTruncate, items: Items) -> TruncateItem | ItemTruncated:
    """A cut beyond the end is no mistake: clients reckon playback by the clock."""
    entry = find(event.item_id, items, "item_truncate_invalid_item_id")
    if not entry.is_settled:
        raise Unsettled
    if entry.audio_ms is None:
        raise InvalidRequestError(
            "Only what the assistant said aloud can be truncated.",
            param="item_id",
            code="item_truncate_invalid_item_id",
        )
    if event.content_index != 0:
        raise InvalidRequestError("A spoken answer has one part, 0.", param="content_index")
    end_ms = min(round(event.audio_end_ms), entry.audio_ms)
    if end_ms == entry.audio_ms:
        return ItemTruncated(item_id=event.item_id, audio_end_ms=end_ms)
    return TruncateItem(event.item_id, end_ms, event_id=event.event_id)


def truncated(command: TruncateItem, words: str, items: Items) -> list[ServerEvent]:
    """The session has cut the item to `words`."""
    entry = items.get(command.item_id)
    assert entry is not None
    assert isinstance(entry.item, MessageItem)
    cut = {"content": (OutputAudio(transcript=words),), "status": "incomplete"}
    items.change(entry, entry.item.model_copy(update=cut))
    entry.audio_ms = command.audio_end_ms
    return [ItemTruncated(item_id=command.item_id, audio_end_ms=command.audio_end_ms)]


def find(item_id: str, items: Items, code: str, param: str = "item_id") -> Entry:
    entry = items.get(item_id)
    if entry is None:
        raise InvalidRequestError(f"There is no item '{item_id}'.", param=param, code=code)
    return entry
