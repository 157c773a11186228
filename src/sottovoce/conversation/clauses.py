"""Cut streamed text for the voice: an early first clause, so that speech starts, then whole sentences."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator

FIRST_CLAUSE_CHARACTERS = 8
"""A first clause shorter than this sounds clipped and is left to grow."""
SENTENCE_CHARACTERS = 24
"""Later sentences shorter than this are spoken together with the next: fewer seams."""
LONGEST_CLAUSE_CHARACTERS = 400
"""Text without any mark is cut here at a space; the speech service refuses far longer input."""

_SENTENCE_END = re.compile(r"[.!?…]+[\"')\]]*\s+|\n+")
_CLAUSE_END = re.compile(r"[,;:–—.!?…]+[\"')\]]*\s+|\n+")
_NO_END = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|no|approx)|\b[A-Za-z])\.\s+$", re.IGNORECASE
)


async def clauses(text: AsyncIterable[str]) -> AsyncIterator[str]:
    """Pieces of `text` that can each be spoken alone, as soon as their end is known."""
    buffer = ""
    is_first = True
    async for chunk in text:
        buffer += chunk
        while (end := _cut(buffer, is_first=is_first)) is not None:
            piece, buffer = buffer[:end], buffer[end:]
            is_first = False
            yield piece
    if buffer.strip():
        yield buffer


def _cut(buffer: str, *, is_first: bool) -> int | None:
    """Where the next piece of `buffer` ends, or None while that is not known."""
    pattern = _CLAUSE_END if is_first else _SENTENCE_END
    least = FIRST_CLAUSE_CHARACTERS if is_first else SENTENCE_CHARACTERS
    for mark in pattern.finditer(buffer):
        end = mark.end()
        if end >= least and not _NO_END.search(buffer[:end]):
            return end
    if len(buffer) > LONGEST_CLAUSE_CHARACTERS:
        return buffer.rfind(" ", 1, LONGEST_CLAUSE_CHARACTERS) + 1 or LONGEST_CLAUSE_CHARACTERS
    return None
