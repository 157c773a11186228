"""Cutting text into the pieces that are spoken one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CLAUSE_CHARACTERS = 300
"""Bounds the audio made ahead of the listener, and how long one speaker keeps others from the engine."""

SENTENCE_PAUSE = 0.29
COLON_PAUSE = 0.22
COMMA_PAUSE = 0.14
PARAGRAPH_PAUSE = 0.52
"""Seconds, as espeak-ng pauses between two clauses that it speaks in one go (measured)."""

_SENTENCE = re.compile(r"[.!?…]+[\"'”’)\]]*\s+|[。！？]+|\n+")
_PAUSES = {",": COMMA_PAUSE, "，": COMMA_PAUSE, "、": COMMA_PAUSE} | dict.fromkeys(":;：；", COLON_PAUSE)
_SOFT_CUTS = ("; ", ": ", ", ", " ")


@dataclass(frozen=True, slots=True)
class Clause:
    """Text without a line break, and the silence in seconds that follows it; `line_pause` is what the end of
    its line or paragraph asks for at least."""

    text: str
    pause: float
    line_pause: float = 0.0


def split_clauses(text: str) -> Iterator[Clause]:
    """Sentences of `text`, cut again where they are longer than MAX_CLAUSE_CHARACTERS; none is empty."""
    begin = 0
    for found in _SENTENCE.finditer(text):
        yield from _pieces(text[begin : found.end()])
        begin = found.end()
    yield from _pieces(text[begin:])


def _pieces(sentence: str) -> Iterator[Clause]:
    rest = sentence.strip()
    while len(rest) > MAX_CLAUSE_CHARACTERS:
        cut = _cut(rest)
        yield _clause(rest[:cut].strip())
        rest = rest[cut:].strip()
    if rest:
        yield _clause(rest, _line_pause(sentence))


def _cut(text: str) -> int:
    """Where to cut an overlong sentence: after its last soft mark in the second half of the room, or hard."""
    for mark in _SOFT_CUTS:
        found = text.rfind(mark, MAX_CLAUSE_CHARACTERS // 2, MAX_CLAUSE_CHARACTERS)
        if found > 0:
            return found + len(mark)
    return MAX_CLAUSE_CHARACTERS


def _line_pause(sentence: str) -> float:
    if sentence.endswith("\n\n"):
        return PARAGRAPH_PAUSE
    return SENTENCE_PAUSE if sentence.endswith("\n") else 0.0


def _clause(text: str, least_pause: float = 0.0) -> Clause:
    last = text[-1]
    pause = 0.0 if last.isalnum() else _PAUSES.get(last, SENTENCE_PAUSE)
    return Clause(text, max(pause, least_pause), least_pause)
