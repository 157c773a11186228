"""espeak-ng's phonemes in Kokoro's alphabet.

Kokoro 1.0 learnt from misaki's spelling of the IPA: a diphthong is one capital letter, an affricate one
character. What espeak-ng writes as two sounds with a tie between them becomes that one; the rest of the
tables follows misaki's rules for words that it has from espeak-ng. Kokoro 0.19 learnt from plain IPA.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_SWITCH = re.compile(r"\([\^a-z-]+\)")  # "(en)": here espeak-ng reads a foreign word in its own language

_PAIRS = {
    "a^ɪ": "I",
    "a^ʊ": "W",
    "d^z": "ʣ",
    "d^ʒ": "ʤ",
    "e^ɪ": "A",
    "o^ʊ": "O",
    "ə^ʊ": "Q",
    "t^s": "ʦ",
    "t^ɕ": "ʨ",
    "t^ʃ": "ʧ",
    "ɔ^ɪ": "Y",
}
_ENGLISH = {
    "ʔˌn\u0329": "ʔn",
    "ʔn\u0329": "ʔn",
    "ə^l": "ᵊl",
    "e": "A",
    "ʲ": "",
    "ɚ": "əɹ",
    "r": "ɹ",
    "x": "k",
    "ç": "k",
    "ɐ": "ə",
    "ɬ": "l",
    "\u0303": "",
}
_AMERICAN = {"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "i^ə": "iə", "ɪ^ə": "iə", "ɪə": "iə", "ː": ""}
_BRITISH = {"e^ə": "ɛː", "i^ə": "ɪə", "iə": "ɪə"}
_SPELLED_OUT = {
    "A": "eɪ",
    "I": "aɪ",
    "O": "oʊ",
    "Q": "əʊ",
    "W": "aʊ",
    "Y": "ɔɪ",
    "ʣ": "dz",
    "ʤ": "dʒ",
    "ʦ": "ts",
    "ʨ": "tɕ",
    "ʧ": "tʃ",
    "ᵊ": "ə",
}
_NEAR = {"g": "ɡ", "ɫ": "l", "ɵ": "ə", "ʉ": "u", "ɱ": "m", "ɦ": "h", "ʍ": "w", "ɝ": "ɜɹ", "ɚ": "əɹ", "ᵻ": "ɪ"}
"""What is said where the model lacks a phoneme."""

_SYLLABIC = re.compile("(\\S)\u0329")


def from_espeak(ipa: str, language: str) -> str:
    """What `EspeakLibrary.phonemes` gave for a text in `language`, in misaki's spelling."""
    text = _SWITCH.sub("", ipa)
    if language.startswith("en"):
        home = _AMERICAN if language.startswith("en-us") else _BRITISH
        text = _SYLLABIC.sub("ᵊ\\1", _replaced(text, _PAIRS | _ENGLISH | home))
    else:
        text = _replaced(text, _PAIRS).replace("-", "")
    return text.replace("^", "").replace("  ", " ").strip()


def spelled_for(text: str, alphabet: frozenset[str], *, is_plain: bool = False) -> str:
    """`text` with nothing in it that is not of `alphabet`: the nearest sounds, else nothing.

    `is_plain` for a model that learnt from plain IPA.
    """
    if is_plain:
        text = "".join(_SPELLED_OUT.get(symbol, symbol) for symbol in text)
    return "".join(_known(symbol, alphabet) for symbol in text)


def _known(symbol: str, alphabet: frozenset[str]) -> str:
    for known in (symbol, _NEAR.get(symbol, ""), _SPELLED_OUT.get(symbol, "")):
        if known and alphabet.issuperset(known):
            return known
    return "".join(part for part in unicodedata.normalize("NFD", symbol) if part in alphabet)


def _replaced(text: str, table: Mapping[str, str]) -> str:
    """Longer patterns first, all at once, so that no result is replaced again."""
    pattern = "|".join(map(re.escape, sorted(table, key=len, reverse=True)))
    return re.sub(pattern, lambda found: table[found[0]], text)
