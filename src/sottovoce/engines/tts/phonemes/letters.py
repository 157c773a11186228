"""How the names of letters are said, in misaki's spelling."""

from __future__ import annotations

import unicodedata

_AMERICAN = {
    "a": "ˈA",
    "b": "bˈi",
    "c": "sˈi",
    "d": "dˈi",
    "e": "ˈi",
    "f": "ˈɛf",
    "g": "ʤˈi",
    "h": "ˈAʧ",
    "i": "ˈI",
    "j": "ʤˈA",
    "k": "kˈA",
    "l": "ˈɛl",
    "m": "ˈɛm",
    "n": "ˈɛn",
    "o": "ˈO",
    "p": "pˈi",
    "q": "kjˈu",
    "r": "ˈɑɹ",
    "s": "ˈɛs",
    "t": "tˈi",
    "u": "jˈu",
    "v": "vˈi",
    "w": "dˈʌbᵊlju",
    "x": "ˈɛks",
    "y": "wˈI",
    "z": "zˈi",
}
_BRITISH = {"o": "ˈQ", "r": "ˈɑː", "z": "zˈɛd"}


def letter_names(word: str, language: str) -> str:
    """`word` letter by letter; accents are left off, and what has no name in English is left out."""
    plain = unicodedata.normalize("NFKD", word.lower())
    return " ".join(name for letter in plain if (name := _name(letter, language)))


def _name(letter: str, language: str) -> str:
    american = _AMERICAN.get(letter, "")
    if language.startswith("en-us"):
        return american
    return _BRITISH.get(letter) or american.replace("i", "iː").replace("u", "uː")
