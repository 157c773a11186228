"""A sentence in the phonemes of one Kokoro model, no word of it lost.

English and Chinese words are looked up in the lexicons of the model's archive, which Kokoro learnt from, and
espeak-ng is asked for those they lack; the other languages are espeak-ng's. Without espeak-ng a word that no
lexicon has is spelled.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from sottovoce.engines.tts.phonemes.chinese import chinese_words, is_chinese
from sottovoce.engines.tts.phonemes.english import JOINTS, EnglishWords
from sottovoce.engines.tts.phonemes.ipa import from_espeak, spelled_for
from sottovoce.engines.tts.phonemes.letters import letter_names
from sottovoce.engines.tts.phonemes.lexicon import Lexicon
from sottovoce.engines.tts.phonemes.process import PhonemeSource, PhonemesUnavailable
from sottovoce.engines.tts.phonemes.scripts import letter_words, script_language
from sottovoce.engines.tts.phonemes.words import Spoken, Written, split_parts, split_words
from sottovoce.errors import EngineCrashed, InvalidRequestError

logger = logging.getLogger(__name__)

_ESPEAK_TAGS = {"en-gb": "en-gb-x-rp", "zh": "cmn"}
"""Languages by the names that espeak-ng has for them, where those differ."""

_RUN = re.compile(r"[\u3400-\u9fff]+|[^\u3400-\u9fff]+")


class Pronouncer:
    """`alphabet` are the model's phonemes; `is_plain` where it learnt from plain IPA. Lexicons are read when
    their language is first spoken."""

    def __init__(
        self,
        alphabet: frozenset[str],
        lexicons: Mapping[str, Path],
        source: PhonemeSource | None,
        *,
        is_plain: bool = False,
    ) -> None:
        self._alphabet = alphabet
        self._paths = lexicons
        self._source = source
        self._is_plain = is_plain
        self._lexicons: dict[Path, Lexicon] = {}
        self._reading = asyncio.Lock()

    def can_say(self, language: str) -> bool:
        """Whether texts in `language` can be turned into phonemes on this machine."""
        if language == "zh":
            return "zh" in self._paths
        if language.startswith("en") and self._english_path(language) is not None:
            return True
        return self._has_espeak(language)

    def check(self, text: str, language: str) -> None:
        """Raises `InvalidRequestError` for a text whose letters say nothing about its sound."""
        if language == "ja" and any(map(is_chinese, text)):
            raise InvalidRequestError(
                "The Japanese voices read kana; this text has kanji, whose reading they do not know.",
                param="input",
            )

    async def words(self, text: str, language: str) -> list[Spoken]:
        """`text`, at most a sentence, without figures. Empty where it has no word.

        Raises `EngineCrashed` where espeak-ng fails and no lexicon helps.
        """
        english = await self._english(language if language.startswith("en") else "en-us")
        if language == "zh" or (language.startswith("en") and english is not None):
            return await self._by_words(text, language, english)
        return await self._by_parts(text, language)

    async def _by_parts(self, text: str, language: str) -> list[Spoken]:
        parts = list(split_parts(text))
        try:
            said = await self._espeak([part.text for part in parts], language)
        except PhonemesUnavailable as error:
            raise EngineCrashed(f"The text cannot be pronounced: {error}", engine="tts") from error
        found: list[Spoken] = []
        for part, phonemes in zip(parts, said, strict=True):
            words = [word for each in phonemes.split() if (word := self._spelled(each))]
            found += [Spoken(word) for word in words[:-1]]
            found += [Spoken(word, part.mark) for word in words[-1:]]
        return found

    async def _by_words(self, text: str, language: str, english: EnglishWords | None) -> list[Spoken]:
        written = [word for word in await self._runs(text) if any(map(str.isalnum, word.text))]
        home = language if language.startswith("en") else "en-us"
        texts = [word.text for word in written]
        said = english.say(texts) if english else [None] * len(texts)
        said = await self._chinese(texts, said)
        said = await self._asked(texts, said, home)
        spoken = [
            phonemes or self._letters(word, home, english) for word, phonemes in zip(texts, said, strict=True)
        ]
        return [
            Spoken(self._spelled(phonemes), word.mark, word.text.lower() in JOINTS)
            for word, phonemes in zip(written, spoken, strict=True)
            if phonemes
        ]

    async def _runs(self, text: str) -> list[Written]:
        """The words, Chinese ones told apart by the lexicon."""
        found: list[Written] = []
        for word in split_words(text):
            runs = [part for run in _RUN.findall(word.text) for part in await self._parts(run)]
            found += [Written(run) for run in runs[:-1]] + [Written(run, word.mark) for run in runs[-1:]]
        return found

    async def _parts(self, run: str) -> list[str]:
        lexicon = await self._lexicon(self._paths.get("zh")) if is_chinese(run[0]) else None
        return [run] if lexicon is None else list(chinese_words(run, lexicon))

    async def _chinese(self, texts: Sequence[str], said: Sequence[str | None]) -> list[str | None]:
        if not any(is_chinese(text[0]) for text in texts):
            return list(said)
        lexicon = await self._lexicon(self._paths.get("zh"))
        return [
            lexicon.get(text) if lexicon and is_chinese(text[0]) else phonemes
            for text, phonemes in zip(texts, said, strict=True)
        ]

    async def _asked(self, texts: Sequence[str], said: Sequence[str | None], home: str) -> list[str | None]:
        """With what espeak-ng says of those that are still unknown, each in the language of its letters."""
        known = list(said)
        unknown: dict[str, list[int]] = {}
        for index, phonemes in enumerate(said):
            if phonemes is None:
                unknown.setdefault(script_language(texts[index]) or home, []).append(index)
        for language, indices in unknown.items():
            try:
                answers = await self._espeak([texts[index] for index in indices], language)
            except PhonemesUnavailable as error:
                logger.info("%d words are spelled: %s", len(indices), error)
                continue
            for index, answer in zip(indices, answers, strict=True):
                known[index] = answer or None
        return known

    def _letters(self, word: str, language: str, english: EnglishWords | None) -> str:
        if script_language(word) is None:
            return letter_names(word, language)
        names = letter_words(word)
        said = english.say(names) if english else [None] * len(names)
        return " ".join(
            phonemes or letter_names(name, language) for name, phonemes in zip(names, said, strict=True)
        )

    def _spelled(self, phonemes: str) -> str:
        return spelled_for(phonemes, self._alphabet, is_plain=self._is_plain)

    def _has_espeak(self, language: str) -> bool:
        return self._source is not None and _tag(language) in self._source.languages

    async def _espeak(self, texts: Sequence[str], language: str) -> list[str]:
        if self._source is None or not self._has_espeak(language):
            raise PhonemesUnavailable(f"there is no espeak-ng that speaks {language}")
        said = await self._source.phonemes(texts, _tag(language))
        return [from_espeak(each, language) for each in said]

    async def _english(self, language: str) -> EnglishWords | None:
        lexicon = await self._lexicon(self._english_path(language))
        return None if lexicon is None else EnglishWords(lexicon, language)

    def _english_path(self, language: str) -> Path | None:
        home = "en-us" if language.startswith("en-us") else "en-gb"
        return self._paths.get(home) or self._paths.get("en-us") or self._paths.get("en-gb")

    async def _lexicon(self, path: Path | None) -> Lexicon | None:
        if path is None:
            return None
        async with self._reading:
            if path not in self._lexicons:
                self._lexicons[path] = await asyncio.to_thread(Lexicon.read, path)
        return self._lexicons[path]


def _tag(language: str) -> str:
    return _ESPEAK_TAGS.get(language, language)
