"""Which words of a reply had been heard when: kept so that a reply can be cut afterwards, too."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field

from sottovoce.errors import InvalidRequestError

MAX_REMEMBERED = 64
"""Replies that can still be cut; clients do it right after an interruption."""
MAX_MARKS = 4_000
"""Of one reply: a mark a word, about half an hour of speech."""


@dataclass
class Heard:
    """`moments[i]` seconds into the reply's sound its first `lengths[i]` characters had been captioned."""

    moments: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def mark(self, position: float, length: int) -> None:
        if len(self.moments) < MAX_MARKS:
            self.moments.append(max(position, self.moments[-1] if self.moments else 0.0))
            self.lengths.append(length)

    def length_at(self, position: float) -> int:
        """The characters that had been captioned `position` seconds into the sound."""
        index = bisect_right(self.moments, position)
        return self.lengths[index - 1] if index else 0


@dataclass
class _Spoken:
    text: str
    duration: float
    captions: Heard


class SpokenReplies:
    """The last replies that were heard, by their items."""

    def __init__(self) -> None:
        self._replies: OrderedDict[str, _Spoken] = OrderedDict()

    def keep(self, item_id: str, text: str, duration: float, captions: Heard) -> None:
        """A reply ended after `duration` seconds of sound, of which `text` was heard."""
        self._replies[item_id] = _Spoken(text, duration, captions)
        while len(self._replies) > MAX_REMEMBERED:
            self._replies.popitem(last=False)

    def forget(self, item_id: str) -> None:
        self._replies.pop(item_id, None)

    def cut(self, item_id: str, audio_end_ms: int) -> str:
        """The words that stay; those cut before stay cut, and an end past the reply's counts as its end.

        Raises `InvalidRequestError` for what is no reply, was not spoken, or is too long ago.
        """
        spoken = self._replies.get(item_id)
        if spoken is None:
            raise InvalidRequestError(
                f"{item_id!r} is none of the last spoken replies; only these can be truncated.",
                code="item_truncate_invalid_item_id",
            )
        position = audio_end_ms / 1000
        if position < spoken.duration:
            spoken.text = spoken.text[: spoken.captions.length_at(position)].rstrip()
            spoken.duration = position
        return spoken.text
