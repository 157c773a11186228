import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.engines.tts.libespeak import EspeakLibrary
from sottovoce.engines.tts.voices import DEFAULT_VOICE, OPENAI_VOICES, EspeakVoices
from sottovoce.errors import InvalidRequestError

OPENAI_NAMES = set("alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split())


@pytest.fixture(scope="module")
def voices() -> EspeakVoices:
    library = EspeakLibrary()
    return EspeakVoices(library.languages(), library.variants())


def test_every_name_openai_has_is_a_different_voice(voices: EspeakVoices) -> None:
    assert set(OPENAI_VOICES) == OPENAI_NAMES
    assert len({voices.find(name) for name in OPENAI_NAMES}) == len(OPENAI_NAMES)
    assert DEFAULT_VOICE in OPENAI_NAMES


def test_the_names_stand_for_voices_that_espeak_has(voices: EspeakVoices) -> None:
    identifiers = {identifier for identifier, _ in voices.languages.values()}
    for voice in OPENAI_VOICES.values():
        assert voice.identifier in identifiers
        assert voice.variant in voices.variants
        assert voice.language in voices.languages


def test_a_language_is_a_voice_and_may_take_a_variant(voices: EspeakVoices) -> None:
    assert voices.find("de").name == "gmw/de"
    assert voices.find("EN-GB+f3").name == "gmw/en+f3"
    assert voices.find("en").language == "en-us"


@pytest.mark.parametrize(
    "voice", ["", "+", "+f3", "nobody", "de+", "de+nosuch", "de+f3+f4", "../etc", "de\0", "Alloy ", "gmw/de"]
)
def test_other_names_are_refused(voices: EspeakVoices, voice: str) -> None:
    with pytest.raises(InvalidRequestError, match="no voice") as caught:
        voices.find(voice)
    assert caught.value.param == "voice"


@given(st.text(max_size=40))
def test_no_text_gets_past_the_table(voices: EspeakVoices, voice: str) -> None:
    try:
        found = voices.find(voice)
    except InvalidRequestError:
        return
    assert found.variant == "" or found.variant in voices.variants
    assert found.language in voices.languages


def test_voices_are_listed_with_their_languages(voices: EspeakVoices) -> None:
    listed = {voice.id: voice.language for voice in voices.listed}
    assert listed["fable"] == "en-gb-x-rp"
    assert listed["pt-br"] == "pt-br"
    assert len(listed) == len(voices.listed)
