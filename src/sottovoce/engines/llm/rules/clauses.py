"""A reply cut into chunks, the first one short, so that speech can start early."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_FIRST_CHARACTERS = 40
CLAUSE_END = re.compile(r"[,;:.!?]\s+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def chunks(text: str) -> Iterator[str]:
    """The first clause (about 40 characters at most), then sentence by sentence; joined they are `text`."""
    end = _first_end(text)
    yield text[:end]
    while end < len(text):
        found = SENTENCE_END.search(text, end + 1)
        stop = found.end() if found else len(text)
        yield text[end:stop]
        end = stop


def _first_end(text: str) -> int:
    found = CLAUSE_END.search(text)
    if found and found.end() <= MAX_FIRST_CHARACTERS:
        return found.end()
    if len(text) <= MAX_FIRST_CHARACTERS:
        return len(text)
    space = text.rfind(" ", 1, MAX_FIRST_CHARACTERS)
    return space + 1 if space > 0 else MAX_FIRST_CHARACTERS
