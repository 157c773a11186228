"""Chinese by a lexicon of words: the longest that fits is taken, from left to right."""

from __future__ import annotations

from collections.abc import Iterator

from sottovoce.engines.tts.phonemes.lexicon import Lexicon

MAX_WORD_CHARACTERS = 8
"""Idioms have four; longer entries are whole sentences, of which nobody has need."""


def chinese_words(text: str, lexicon: Lexicon) -> Iterator[str]:
    """Characters that the lexicon does not have come out alone."""
    begin, longest = 0, min(lexicon.longest, MAX_WORD_CHARACTERS)
    while begin < len(text):
        for end in range(min(len(text), begin + longest), begin, -1):
            if end == begin + 1 or lexicon.get(text[begin:end]) is not None:
                break
        yield text[begin:end]
        begin = end


def is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf"
