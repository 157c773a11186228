"""From a transducer's tokens to words with times."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sottovoce.engines.stt.base import Word

MAX_TOKEN = 0.4
"""Seconds. A model tells where its tokens begin; each lasts until the next, but no longer than this."""
LEAST_PROBABILITY = 1e-4
"""Keeps logarithms finite."""
MARKS = (" ", "▁")
"""What a word's first token begins with, as the engine shows it and as it is in the file."""
BYTE = re.compile(r"<0x([0-9A-F]{2})>")
"""A piece of a character that the vocabulary lacks."""
SPACELESS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "IDEOGRAPHIC", "FULLWIDTH")
"""Scripts whose words follow each other without spaces, by the names of their characters."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What was found since the last cut. `times` are seconds after `start`, which is one of the utterance;
    `logprobs` are natural logarithms."""

    texts: Sequence[str] = ()
    times: Sequence[float] = ()
    logprobs: Sequence[float] = ()
    start: float = 0.0


@dataclass
class _Building:
    text: bytearray
    start: float
    end: float
    logprob: float
    is_joined: bool = field(default=False)

    def word(self) -> Word:
        text = self.text.decode(errors="replace")
        probability = max(LEAST_PROBABILITY, min(1.0, round(math.exp(self.logprob), 4)))
        return Word(text, round(self.start, 2), round(self.end, 2), probability, self.is_joined)


def words(tokens: Tokens) -> tuple[Word, ...]:
    """Tokens that continue a word are put to it; a word's probability is the product of theirs."""
    return tuple(building.word() for building in _built(tokens) if building.text.strip())


def _built(tokens: Tokens) -> list[_Building]:
    built: list[_Building] = []
    for text, start, end, logprob in _timed(tokens):
        begins = text.startswith(MARKS)
        raw = _raw(text[1:] if begins else text)
        if built and not built[-1].text:
            built[-1].text += raw  # the mark was a token of its own
            built[-1].is_joined = _is_spaceless(raw)
        elif built and not begins and not _is_spaceless(raw):
            built[-1].text += raw
        else:
            built.append(_Building(bytearray(raw), start, end, logprob, _is_spaceless(raw)))
            continue
        built[-1].end = end
        built[-1].logprob += logprob
    return built


def _timed(tokens: Tokens) -> Iterator[tuple[str, float, float, float]]:
    """Text, start, end and logarithm of each token."""
    starts = [tokens.start + time for time in tokens.times]
    for number, (text, start) in enumerate(zip(tokens.texts, starts, strict=True)):
        following = starts[number + 1] if number + 1 < len(starts) else math.inf
        logprob = tokens.logprobs[number] if number < len(tokens.logprobs) else 0.0
        yield text, start, min(following, start + MAX_TOKEN), min(0.0, logprob)


def _raw(text: str) -> bytes:
    byte = BYTE.fullmatch(text)
    return bytes([int(byte[1], 16)]) if byte else text.encode()


def _is_spaceless(raw: bytes) -> bool:
    """By the first character; a piece of one belongs to what is before it."""
    try:
        first = raw.decode()[:1]
    except UnicodeDecodeError:
        return False
    return bool(first) and unicodedata.name(first, "").startswith(SPACELESS)
