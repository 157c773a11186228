"""What is known of a voice by its name alone, so that an engine that lacks it can speak in one like it.

Engines take turns when one fails, and a session's voice stays what the client chose: "af_heart" asked of
espeak-ng is an American woman's voice, "fr-fr" asked of Kokoro a French one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KOKORO = re.compile(r"([abefhijpz])([fm])(?:_[a-z0-9]{1,32})?")
KOKORO_LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr-fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "zh",
}
GENDERS = {"f": "female", "m": "male"}
"""By the letters of a name like "af_heart"."""

_OPENAI_MEN = frozenset({"ash", "ballad", "cedar", "echo", "onyx", "verse"})
_OPENAI_WOMEN = frozenset({"alloy", "coral", "fable", "marin", "nova", "sage", "shimmer"})
_TAG = re.compile(r"([a-z]{2,3}(?:-[a-z0-9]{1,8}){0,3})(?:\+(\w{1,32}))?", re.IGNORECASE)
_SHORT = {"en": "en-us", "fr": "fr-fr", "pt": "pt-br", "cmn": "zh", "en-gb-x-rp": "en-gb"}


@dataclass(frozen=True, slots=True)
class WishedVoice:
    """`language` is a BCP 47 tag in lower case; `gender` is "female", "male" or ""."""

    language: str
    gender: str = ""


def wished_voice(name: str) -> WishedVoice | None:
    """None for a name that tells nothing."""
    if name in _OPENAI_MEN or name in _OPENAI_WOMEN:
        return WishedVoice("en-us", "male" if name in _OPENAI_MEN else "female")
    if found := _KOKORO.fullmatch(name):
        return WishedVoice(KOKORO_LANGUAGES[found[1]], GENDERS[found[2]])
    if found := _TAG.fullmatch(name):
        tag = found[1].lower()
        return WishedVoice(_SHORT.get(tag, tag), _variant_gender(found[2] or ""))
    return None


def _variant_gender(variant: str) -> str:
    """espeak-ng's variants f1 to f5 and m1 to m8."""
    known = re.fullmatch(r"([fm])\d", variant)
    return GENDERS[known[1]] if known else ""
