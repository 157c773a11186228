"""The conversation as the client sees it: items in order, each with its real predecessor."""

from __future__ import annotations

from dataclasses import dataclass

from sottovoce.realtime.events.items import InputAudio, Item, ItemAdded, ItemDone, OutputAudio

MAX_ITEMS = 500
"""Items kept for `retrieve`; with `MAX_MESSAGE_CHARACTERS` it bounds what one session can hoard."""


@dataclass(slots=True)
class Entry:
    """An item, and for spoken answers how much was heard: `audio_ms` is None while it may still grow."""

    item: Item
    previous_item_id: str | None
    audio_ms: int | None = None
    is_interrupted: bool = False

    def added(self) -> ItemAdded:
        return ItemAdded(previous_item_id=self.previous_item_id, item=self.item)

    def done(self) -> ItemDone:
        return ItemDone(previous_item_id=self.previous_item_id, item=self.item)


class Items:
    """Append-only but for its bound: the oldest is forgotten when a spoken turn needs the room."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self.last_id: str | None = None

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._entries

    @property
    def is_full(self) -> bool:
        return len(self._entries) >= MAX_ITEMS

    def get(self, item_id: str) -> Entry | None:
        return self._entries.get(item_id)

    def replace(self, item: Item) -> None:
        """`item` is what the item of its id, which is there, has become."""
        self._entries[item.id].item = item

    def append(self, item: Item) -> Entry:
        if self.is_full:
            del self._entries[next(iter(self._entries))]
        entry = Entry(item, self.last_id)
        self._entries[item.id] = entry
        self.last_id = item.id
        return entry


def said_by_user(item_id: str, transcript: str | None) -> Item:
    return Item(id=item_id, status="completed", role="user", content=(InputAudio(transcript=transcript),))


def is_spoken_answer(item: Item) -> bool:
    return any(isinstance(part, OutputAudio) for part in item.content)
