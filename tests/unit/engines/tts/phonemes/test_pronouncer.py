from collections.abc import Sequence
from pathlib import Path

import pytest

from sottovoce.engines.tts.phonemes.process import PhonemesUnavailable
from sottovoce.engines.tts.phonemes.pronouncer import Pronouncer
from sottovoce.errors import EngineCrashed, InvalidRequestError
from tests.made_models.kokoro import SYMBOLS, make_tone_voice

LEXICONS = {"en-us": "lexicon-us-en.txt", "en-gb": "lexicon-gb-en.txt", "zh": "lexicon-zh.txt"}


class ScriptedSource:
    """Says "la" for every word, or nothing where `is_broken`."""

    languages = frozenset({"en-us", "en-gb-x-rp", "es", "ru", "ja"})

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], str]] = []
        self.is_broken = False

    async def phonemes(self, texts: Sequence[str], language: str) -> list[str]:
        self.asked.append((tuple(texts), language))
        if self.is_broken:
            raise PhonemesUnavailable("it ended twice")
        return [" ".join("la" for _ in text.split()) for text in texts]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = make_tone_voice(tmp_path_factory.mktemp("voice"))
    return {tag: folder / name for tag, name in LEXICONS.items()}


@pytest.fixture
def source() -> ScriptedSource:
    return ScriptedSource()


@pytest.fixture
def pronouncer(paths: dict[str, Path], source: ScriptedSource) -> Pronouncer:
    return Pronouncer(frozenset(SYMBOLS), paths, source)


async def said(pronouncer: Pronouncer, text: str, language: str = "en-us") -> str:
    return " ".join(map(str, await pronouncer.words(text, language)))


async def test_only_unknown_words_are_asked_for(pronouncer: Pronouncer, source: ScriptedSource) -> None:
    assert await said(pronouncer, "Hello xyzzy, there qux!") == "həlˈO la, ðˈɛɹ la!"
    assert source.asked == [(("xyzzy", "qux"), "en-us")]


async def test_words_of_other_letters_are_asked_for_in_their_language(
    pronouncer: Pronouncer, source: ScriptedSource
) -> None:
    assert await said(pronouncer, "hello Привет", "en-gb") == "həlˈQ la"
    assert source.asked == [(("Привет",), "ru")]


async def test_what_nobody_knows_is_spelled(pronouncer: Pronouncer, source: ScriptedSource) -> None:
    source.is_broken = True
    assert await said(pronouncer, "hello xyz") == "həlˈO ˈɛks wˈI zˈi"
    assert await said(pronouncer, "zò") == "zˈi ˈO"
    assert await said(pronouncer, "αβ") == "ˈA ˈɛl pˈi ˈAʧ ˈA bˈi ˈi tˈi ˈA"


async def test_other_languages_are_asked_for_part_by_part(
    pronouncer: Pronouncer, source: ScriptedSource
) -> None:
    assert await said(pronouncer, "Hola amigo, ¿qué tal?", "es") == "la la, la la?"
    source.is_broken = True
    with pytest.raises(EngineCrashed, match="it ended twice"):
        await said(pronouncer, "Hola", "es")


async def test_chinese_is_cut_into_its_longest_words(pronouncer: Pronouncer) -> None:
    assert await said(pronouncer, "你好世界,三你!", "zh") == "ni↓xau↓ ʂɨ↘ʨjɛ↘, san→ ni↓!"


async def test_a_chinese_character_that_nobody_knows_is_called_one(paths: dict[str, Path]) -> None:
    alone = Pronouncer(frozenset(SYMBOLS), paths, None)
    assert await said(alone, "龘", "zh") == "sˈi ˈAʧ ˈA ˈɑɹ ˈA sˈi tˈi ˈi ˈɑɹ"


async def test_signs_are_left_out_and_their_marks_stay(pronouncer: Pronouncer) -> None:
    assert await said(pronouncer, "hello ~, there ^ world") == "həlˈO ðˈɛɹ wˈɜɹld"
    assert await said(pronouncer, "¿¡ ~ ^") == ""


async def test_words_that_begin_a_part_are_marked(pronouncer: Pronouncer) -> None:
    words = await pronouncer.words("hello and there", "en-us")
    assert [word.is_joint for word in words] == [False, True, False]


def test_what_can_be_said(paths: dict[str, Path], pronouncer: Pronouncer) -> None:
    alone = Pronouncer(frozenset(SYMBOLS), paths, None)
    nothing = Pronouncer(frozenset(SYMBOLS), {}, None)
    languages = ("en-us", "en-gb", "es", "zh", "fi")
    assert [pronouncer.can_say(language) for language in languages] == [True, True, True, True, False]
    assert [alone.can_say(language) for language in languages] == [True, True, False, True, False]
    assert not any(nothing.can_say(language) for language in languages)


def test_kanji_are_refused_by_japanese_voices(pronouncer: Pronouncer) -> None:
    with pytest.raises(InvalidRequestError, match="kana"):
        pronouncer.check("日本", "ja")
    pronouncer.check("にほん", "ja")
    pronouncer.check("日本", "zh")
