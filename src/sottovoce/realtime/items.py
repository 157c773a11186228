"""The conversation as the client sees it: items in order, each with its real predecessor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sottovoce.conversation.history import FIRST
from sottovoce.realtime.events.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudio,
    InputText,
    Item,
    ItemAdded,
    ItemDone,
    MessageItem,
    OutputText,
)

MAX_ITEMS: Final = 1_000
MAX_CHARACTERS: Final = 1_000_000
"""Of all items together. Beyond either the oldest are forgotten, by the model and by the client."""


@dataclass(slots=True, eq=False)
class Entry:
    """An item, and what of it the client need not see.

    `pieces` are the ids under which the session's history holds its parts, by their content index (0 where
    there is one part). `audio_ms` is how much of a spoken answer was heard, None of anything else.
    `untold` are the parts whose transcript has still to come, with their seconds of sound where known.
    `is_settled` is false for an answer that may still grow.
    """

    item: Item
    pieces: dict[str, int] = field(default_factory=dict)
    previous_item_id: str | None = None
    audio_ms: int | None = None
    untold: dict[int, float] = field(default_factory=dict)
    is_settled: bool = True

    def added(self) -> ItemAdded:
        return ItemAdded(previous_item_id=self.previous_item_id, item=self.item)

    def done(self) -> ItemDone:
        return ItemDone(previous_item_id=self.previous_item_id, item=self.item)

    def is_untranscribed(self, index: int) -> bool:
        parts = self.item.content if isinstance(self.item, MessageItem) else ()
        return index < len(parts) and parts[index] == InputAudio(transcript=None)

    def with_words(self, index: int, transcript: str) -> Item:
        """The item, its spoken part `index` transcribed."""
        assert isinstance(self.item, MessageItem)
        parts = list(self.item.content)
        parts[index] = InputAudio(transcript=transcript)
        return self.item.model_copy(update={"content": tuple(parts)})


class Items:
    """Ordered. An entry's `previous_item_id` is kept true when its neighbours come and go."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._order: list[str] = []
        self._owners: dict[str, str] = {}
        self._characters = 0

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._entries

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Entry]:
        """In the conversation's order."""
        return map(self._entries.__getitem__, self._order)

    @property
    def untold(self) -> float:
        """Seconds of recordings whose transcript has still to come."""
        return sum(seconds for entry in self._entries.values() for seconds in entry.untold.values())

    def get(self, item_id: str) -> Entry | None:
        return self._entries.get(item_id)

    def holding(self, piece_id: str) -> Entry | None:
        """The entry of which the session's `piece_id` is a part."""
        return self._entries.get(self._owners.get(piece_id, ""))

    def add(self, entry: Entry, after: str | None = None) -> Entry:
        """`after` is an item that is there, `FIRST` for the very beginning, or None for the end."""
        item_id = entry.item.id
        at = len(self._order) if after is None else 0 if after == FIRST else self._order.index(after) + 1
        entry.pieces = entry.pieces or {item_id: 0}
        self._entries[item_id] = entry
        self._owners |= dict.fromkeys(entry.pieces, item_id)
        self._order.insert(at, item_id)
        self._link(at)
        self._characters += _size(entry.item)
        return entry

    def change(self, entry: Entry, item: Item) -> None:
        """The item has become `item`."""
        self._characters += _size(item) - _size(entry.item)
        entry.item = item

    def remove(self, item_id: str) -> bool:
        """The item is gone, its id free again; False if it was not there."""
        entry = self._entries.pop(item_id, None)
        if entry is None:
            return False
        for piece_id in entry.pieces:
            del self._owners[piece_id]
        at = self._order.index(item_id)
        del self._order[at]
        self._link(at)
        self._characters -= _size(entry.item)
        return True

    def surplus(self, keep: float = 1.0) -> list[Entry]:
        """What must be forgotten, oldest first, before another item comes: down to `keep` of the limits."""
        if len(self) < MAX_ITEMS and self._characters < MAX_CHARACTERS:
            return []
        items = len(self) - min(int(MAX_ITEMS * keep), MAX_ITEMS - 1)
        characters = self._characters - int(MAX_CHARACTERS * keep)
        surplus: list[Entry] = []
        for entry in self:
            if len(surplus) >= items and characters <= 0:
                break
            if entry.is_settled:
                surplus.append(entry)
                characters -= _size(entry.item)
        return surplus

    def _link(self, at: int) -> None:
        """Name the predecessors of the items at `at` and after it anew."""
        for place in range(at, min(at + 2, len(self._order))):
            previous = self._order[place - 1] if place else None
            self._entries[self._order[place]].previous_item_id = previous


def said_by_user(item_id: str, transcript: str | None) -> MessageItem:
    content = (InputAudio(transcript=transcript),)
    return MessageItem(id=item_id, status="completed", role="user", content=content)


def text_of(item: Item) -> str:
    """The item's words, as a model would read them."""
    if isinstance(item, FunctionCallItem):
        return item.arguments
    if isinstance(item, FunctionCallOutputItem):
        return item.output
    written = (InputText, OutputText)
    words = (part.text if isinstance(part, written) else part.transcript or "" for part in item.content)
    return "\n".join(words)


def _size(item: Item) -> int:
    return len(item.id) + len(text_of(item))
