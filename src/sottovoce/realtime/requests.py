"""What clients ask about items: create, retrieve, delete, truncate.

Each answers with steps or raises `InvalidRequestError`; nothing is called done that the session cannot do.
"""

from __future__ import annotations

from sottovoce.errors import InvalidRequestError
from sottovoce.ids import NewId
from sottovoce.realtime.commands import AddMessage
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.client import ItemCreate, ItemDelete, ItemRetrieve, ItemTruncate
from sottovoce.realtime.events.items import InputText, Item, ItemRetrieved, ItemTruncated, OutputText
from sottovoce.realtime.items import MAX_ITEMS, Entry, Items, is_spoken_answer

ROOT = "root"
"""The predecessor that a client names to put an item first."""
TRUNCATE_TOLERANCE_MS = 500
"""A reply cut this little before its end counts as whole: clients reckon playback by wall time."""


def create(event: ItemCreate, items: Items, new_id: NewId) -> AddMessage:
    item_id = event.item.id or new_id("item")
    if item_id in items:
        raise InvalidRequestError(
            f"An item with the id '{item_id}' already exists.",
            param="item.id",
            code="item_create_duplicate_item_id",
        )
    if items.is_full:
        raise InvalidRequestError(
            f"The conversation holds {MAX_ITEMS} items, which is its limit. Open a new session.",
            code="item_create_limit_reached",
        )
    _require_end(event.previous_item_id, items)
    return AddMessage(event.item.role, event.item.text, item_id, event_id=event.event_id)


def _require_end(previous: str | None, items: Items) -> None:
    """The session's history grows at its end only, so far."""
    expected = ROOT if items.last_id is None else items.last_id
    if previous is None or previous == expected:
        return
    if previous != ROOT and previous not in items:
        message, code = f"There is no item '{previous}'.", "item_create_invalid_previous_item_id"
    else:
        message, code = "Items can only be added at the end so far; leave it out.", "invalid_value"
    raise InvalidRequestError(message, param="previous_item_id", code=code)


def created(command: AddMessage, items: Items) -> list[ServerEvent]:
    """The answer once the session has taken the message."""
    part = OutputText if command.role == "assistant" else InputText
    content = (part(text=command.text),)
    entry = items.append(Item(id=command.item_id, status="completed", role=command.role, content=content))
    return [entry.added(), entry.done()]


def retrieve(event: ItemRetrieve, items: Items) -> ItemRetrieved:
    return ItemRetrieved(item=_find(event.item_id, items, "item_retrieve_invalid_item_id").item)


def delete(event: ItemDelete, items: Items) -> list[ServerEvent]:
    _find(event.item_id, items, "item_delete_invalid_item_id")
    raise InvalidRequestError(
        "Items cannot be deleted yet: the conversation's history only grows.", param="type"
    )


def truncatable(event: ItemTruncate, items: Items) -> Entry:
    """The spoken answer that `event` means. Raises where it means none."""
    entry = _find(event.item_id, items, "item_truncate_invalid_item_id")
    if not is_spoken_answer(entry.item) and entry.item.status != "in_progress":
        raise InvalidRequestError(
            "Only what the assistant said can be truncated.",
            param="item_id",
            code="item_truncate_invalid_item_id",
        )
    if event.content_index != 0:
        raise InvalidRequestError("A spoken answer has one part, 0.", param="content_index")
    return entry


def truncated(event: ItemTruncate, entry: Entry) -> ItemTruncated:
    """The answer for a reply that has ended: where it ends in the history.

    An interrupted reply was cut by the session to what was played; a reply that was played whole cannot be
    cut afterwards, which is refused unless nothing much is asked to go.
    """
    assert entry.audio_ms is not None
    if not entry.is_interrupted and event.audio_end_ms < entry.audio_ms - TRUNCATE_TOLERANCE_MS:
        raise InvalidRequestError(
            f"The item was played to its end ({entry.audio_ms} ms) and cannot be cut afterwards yet.",
            param="audio_end_ms",
        )
    return ItemTruncated(item_id=event.item_id, audio_end_ms=entry.audio_ms)


def _find(item_id: str, items: Items, code: str) -> Entry:
    entry = items.get(item_id)
    if entry is None:
        raise InvalidRequestError(f"There is no item '{item_id}'.", param="item_id", code=code)
    return entry
