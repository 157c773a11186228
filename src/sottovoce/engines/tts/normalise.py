"""Text as people write it, made into text that a synthesiser says as people would."""

from __future__ import annotations

import re
import unicodedata

from sottovoce.engines.tts import english
from sottovoce.engines.tts.figures import spell_figures
from sottovoce.engines.tts.markdown import strip_markdown

MAX_EMOJI_SAID = 3
"""A message of nothing but emoji is read by name, but not all of them."""

_FIRST_PICTURE = 0x2190  # below it lie signs with a spoken name, such as degree and copyright
_INVISIBLE = dict.fromkeys(
    [*range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0000, 0xE0080), 0x20E3]
)
_JOINERS = "\u200c\u200d"  # Persian and the Indic scripts spell with them
_PLAIN = str.maketrans("‘’“”‐‑\u00a0\u202f", "''\"\"--  ")
_PRODUCT = re.compile(r"(?<=\d)\s*\*\s*(?=\d)")
_REPEATED = re.compile(r"([!?,;:])[!?,;:.]+")
_LOOSE = re.compile(r" (?=[!?.,;:](?:\s|$))")
_RULE = re.compile(r"[-=_*~#^|\\+•]{2,}")
_SPACE = re.compile(r"[^\S\n]+")


def normalise(text: str, language: str, *, are_figures_spelled: bool = False) -> str:
    """`text` without markup, pictures and control characters; in English with its figures spelled out.

    Empty where there is nothing to say. A text of nothing but emoji keeps up to MAX_EMOJI_SAID of them, which
    the engine reads by name. Figures that no rule of English has said are left to the engine, unless
    `are_figures_spelled`.
    """
    visible = _printable(text)
    said = strip_markdown(_PRODUCT.sub(" × ", visible))
    said = "".join(character for character in said if not _is_picture(character))
    if language.startswith("en"):
        said = english.expand(said, is_day_first=not language.startswith("en-us"))
    said = _tidy(spell_figures(said, language) if are_figures_spelled else said)
    return said if _is_speakable(said) else _pictures(visible)


def _printable(text: str) -> str:
    plain = text.translate(_INVISIBLE).translate(_PLAIN)
    return "".join(
        " " if unicodedata.category(character) == "Cc" and character != "\n" else character
        for character in plain
        if character in _JOINERS or unicodedata.category(character) not in ("Cs", "Co", "Cn", "Cf")
    )


def _is_picture(character: str) -> bool:
    return ord(character) >= _FIRST_PICTURE and unicodedata.category(character) == "So"


def _pictures(text: str) -> str:
    found = dict.fromkeys(character for character in text if _is_picture(character))
    return " ".join(list(found)[:MAX_EMOJI_SAID])


def _is_speakable(text: str) -> bool:
    return any(unicodedata.category(character)[0] in "LN" or character in "%°+=&@©®™" for character in text)


def _tidy(text: str) -> str:
    text = _RULE.sub(" ", text).replace("*", " ").replace("|", ", ")
    text = _LOOSE.sub("", _SPACE.sub(" ", _REPEATED.sub(r"\1", text)))
    return "\n".join(line.strip() for line in text.split("\n")).strip("\n")
