"""Which language a word is read in, told by its letters; and their names, where nobody can read it."""

from __future__ import annotations

import unicodedata

_SCRIPTS = {
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "TAMIL": "ta",
    "TELUGU": "te",
    "GUJARATI": "gu",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "GURMUKHI": "pa",
    "THAI": "th",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
}
"""By the first word of the letters' names in Unicode; the language that most people write so."""


def script_language(word: str) -> str | None:
    """None for Latin letters, and for what is no letter."""
    for character in word:
        if character.isalpha():
            return _SCRIPTS.get(_names(character)[0])
    return None


def letter_words(word: str) -> list[str]:
    """The letters of `word` by name, as in "alpha"; a Chinese character is a "character"."""
    named = [_names(character) for character in word if character.isalpha()]
    return ["character" if names[0] == "CJK" else names[-1].lower() for names in named]


def _names(character: str) -> list[str]:
    return unicodedata.name(character, "LETTER").split()
