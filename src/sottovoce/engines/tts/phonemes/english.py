"""English words by a lexicon: in their forms, and some by their neighbours."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sottovoce.engines.tts.phonemes.letters import letter_names
from sottovoce.engines.tts.phonemes.lexicon import Lexicon

JOINTS = frozenset(
    "and or but so because that which who when where while if then than as at by for from in into of on "
    "over through to with without about after before during until".split()
)
"""A new part of the sentence begins with these."""

MAX_ACRONYM_CHARACTERS = 5
"""Longer words in capitals are shouted, not spelled."""

_SPELLED = frozenset("AI API CEO CPU DJ DVD EU FBI GPS GPU ID IT PC PM AM TV UK UN US USA USB UV VIP".split())
"""In capitals these are letters, whatever the word in small letters means."""

_VOWELS = "AIOQWYaeiouyæɑɐɒɔəɚɛɜɪʊʌᵊᵻ"
_STRESS = "ˈˌ"
_ALWAYS = {"a": "ɐ", "an": "ɐn", "i": "ˌI"}
_BEFORE = {"the": ("ðə", "ði"), "to": ("tə", "tʊ")}
"""Said before a consonant, and before a vowel."""

_AFTER = {
    "live": (frozenset("i you we they to who people don't can will would could that and".split()), "lˈɪv"),
    "lives": (frozenset("he she it who that".split()), "lˈɪvz"),
    "read": (frozenset("have has had was were be been is are i've you've we've they've".split()), "ɹˈɛd"),
    "use": (frozenset("the a of no in any this that its make for".split()), "jˈus"),
    "close": (frozenset("is are was so very too how be come came get it's that's".split()), "klˈOs"),
    "lead": (frozenset("of like".split()), "lˈɛd"),
    "tear": (frozenset("a single".split()), "tˈɪɹ"),
    "wind": (frozenset("the strong a of no".split()), "wˈɪnd"),
}
"""What is written alike and said in two ways: the words it follows when it is said like this, in America."""

_PARTS = re.compile(r"[-/_&+]+")


class EnglishWords:
    """`language` is "en-us", or another for British."""

    def __init__(self, lexicon: Lexicon, language: str) -> None:
        self._lexicon = lexicon
        self._language = language
        self._is_american = language.startswith("en-us")

    def say(self, words: Sequence[str]) -> list[str | None]:
        """Each word in phonemes, or None where the lexicon does not have it in any form."""
        said: list[str | None] = []
        following: str | None = None
        for index in range(len(words) - 1, -1, -1):  # from the end: the sound that follows decides about some
            before = words[index - 1].lower() if index else ""
            following = self._in_place(words[index], before, following)
            said.append(following)
        return said[::-1]

    def _in_place(self, word: str, before: str, following: str | None) -> str | None:
        lower = word.lower()
        if lower in _BEFORE and following is not None:
            return _BEFORE[lower][begins_with_vowel(following)]
        if lower in _ALWAYS and word in ("a", "A", "an", "An", "I"):
            return _ALWAYS[lower]
        if lower in _AFTER and self._is_american and before in _AFTER[lower][0]:
            return _AFTER[lower][1]
        return self._one(word)

    def _one(self, word: str) -> str | None:
        if word in _SPELLED:
            return letter_names(word, self._language)
        lower = word.lower()
        found = self._form(lower) or self._form(lower.strip("'"))
        if found is None and word.isupper() and word.isalpha() and len(word) <= MAX_ACRONYM_CHARACTERS:
            return letter_names(word, self._language)
        return found or self._compound(word)

    def _compound(self, word: str) -> str | None:
        """Every part has to be known, or the word is left whole to somebody who knows more."""
        parts = [part for part in _PARTS.split(word) if part]
        if len(parts) < 2:
            return None
        said = [self._one(part) for part in parts]
        return " ".join(filter(None, said)) if all(said) else None

    def _form(self, word: str) -> str | None:
        return self._lexicon.get(word) or self._plural(word) or self._past(word) or self._progressive(word)

    def _stem(self, *stems: str) -> str | None:
        return next((said for stem in stems if len(stem) > 1 and (said := self._lexicon.get(stem))), None)

    def _plural(self, word: str) -> str | None:
        """With -s, -es, -ies or 's, by the sound that the stem ends in."""
        if not word.endswith("s") or word.endswith("ss"):
            return None
        stems = [word.removesuffix("'s")] if word.endswith("'s") else [word[:-1]]
        if word.endswith("ies"):
            stems.append(word[:-3] + "y")
        elif word.endswith("es"):
            stems.append(word[:-2])
        stem = self._stem(*stems)
        if stem is None:
            return None
        if stem[-1] in "szʃʒʧʤ":
            return stem + self._weak + "z"
        return stem + ("s" if stem[-1] in "ptkfθ" else "z")

    def _past(self, word: str) -> str | None:
        if (
            not word.endswith("ed")
            or (stem := self._stem(word[:-1], word[:-2], _undoubled(word[:-2]))) is None
        ):
            return None
        if stem[-1] in "td":
            return stem + self._weak + "d"
        return stem + ("t" if stem[-1] in "pkfθʃsʧ" else "d")

    def _progressive(self, word: str) -> str | None:
        if not word.endswith("ing"):
            return None
        stem = self._stem(word[:-3], word[:-3] + "e", _undoubled(word[:-3]))
        return None if stem is None else stem + "ɪŋ"

    @property
    def _weak(self) -> str:
        return "ᵻ" if self._is_american else "ɪ"


def begins_with_vowel(phonemes: str) -> bool:
    return phonemes.lstrip(_STRESS)[:1] in tuple(_VOWELS)


def _undoubled(stem: str) -> str:
    """ "stopp" to "stop"."""
    return stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] else stem
