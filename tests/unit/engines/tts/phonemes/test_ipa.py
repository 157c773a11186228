import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.engines.tts.phonemes.ipa import from_espeak, spelled_for
from tests.made_models.kokoro import SYMBOLS

ALPHABET = frozenset(SYMBOLS)


@pytest.mark.parametrize(
    ("ipa", "language", "spelled"),
    [
        ("həlˈo^ʊ", "en-us", "həlˈO"),
        ("d^ʒˈʌd^ʒ ðə bˈɔ^ɪz hˈa^ʊs", "en-us", "ʤˈʌʤ ðə bˈYz hˈWs"),
        ("lˈɪɾə^l", "en-us", "lˈɪɾᵊl"),
        ("bˈʌʔn\u0329", "en-us", "bˈʌʔn"),
        ("sˈɑːft wˈɜːd", "en-us", "sˈɑft wˈɜɹd"),
        ("nˈə^ʊ fˈe^ə hˈi^ə", "en-gb", "nˈQ fˈɛː hˈɪə"),
        ("kˈɑː", "en-gb", "kˈɑː"),
        ("t^ʃitːˈa pˈit^sːa", "it", "ʧitːˈa pˈiʦːa"),
        ("(^e^n)hˈɛlo^ʊ(^e^s) ˈola", "es", "hˈɛlO ˈola"),
        ("lə- vˈɛ\u0303", "fr-fr", "lə vˈɛ\u0303"),
        ("", "en-us", ""),
    ],
)
def test_sounds_of_espeak_are_written_as_kokoro_learnt_them(ipa: str, language: str, spelled: str) -> None:
    assert from_espeak(ipa, language) == spelled


def test_a_model_of_plain_ipa_gets_plain_ipa() -> None:
    alphabet = frozenset("aeoɪʊbdhlstʃʒˈ ")
    assert spelled_for("bˈI hˈWs ʧ", alphabet, is_plain=True) == "bˈaɪ hˈaʊs tʃ"


def test_what_the_model_lacks_becomes_what_is_near() -> None:
    assert spelled_for("gɫʉä", ALPHABET) == "ɡlua"
    assert spelled_for("I", frozenset("aɪ")) == "aɪ"


@given(st.text(max_size=50))
def test_nothing_unknown_reaches_the_model(text: str) -> None:
    assert ALPHABET.issuperset(spelled_for(text, ALPHABET))
