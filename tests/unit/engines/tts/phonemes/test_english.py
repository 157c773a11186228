import pytest

from sottovoce.engines.tts.phonemes.english import EnglishWords
from sottovoce.engines.tts.phonemes.lexicon import Lexicon

ENTRIES = {
    "it": "ɪt",
    "us": "ˈʌs",
    "nasa": "nˈæsə",
    "dog": "dˈɔɡ",
    "cat": "kˈæt",
    "box": "bˈɑks",
    "judge": "ʤˈʌʤ",
    "story": "stˈɔɹi",
    "walk": "wˈɔk",
    "want": "wˈɑnt",
    "stop": "stˈɑp",
    "make": "mˈAk",
    "live": "lˈIv",
    "read": "ɹˈid",
    "have": "hæv",
    "music": "mjˈuzɪk",
    "apple": "ˈæpᵊl",
    "state": "stˈAt",
    "art": "ˈɑɹt",
    "the": "ði",
    "of": "ʌv",
    "u": "jˈu",
}


@pytest.fixture(scope="module")
def american() -> EnglishWords:
    lines = [f"{word} {' '.join(said)}".encode() for word, said in ENTRIES.items()]
    return EnglishWords(Lexicon(lines), "en-us")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("Dog", "dˈɔɡ"),
        ("DOG", "dˈɔɡ"),
        ("dogs", "dˈɔɡz"),
        ("cats", "kˈæts"),
        ("boxes", "bˈɑksᵻz"),
        ("judge's", "ʤˈʌʤᵻz"),
        ("stories", "stˈɔɹiz"),
        ("walked", "wˈɔkt"),
        ("wanted", "wˈɑntᵻd"),
        ("stopped", "stˈɑpt"),
        ("stopping", "stˈɑpɪŋ"),
        ("making", "mˈAkɪŋ"),
        ("'dog'", "dˈɔɡ"),
        ("dog-cat", "dˈɔɡ kˈæt"),
        ("state-of-the-art", "stˈAt ʌv ði ˈɑɹt"),
        ("NASA", "nˈæsə"),
        ("XYZ", "ˈɛks wˈI zˈi"),
        ("US", "jˈu ˈɛs"),
        ("us", "ˈʌs"),
        ("IT", "ˈI tˈi"),
        ("xyzzy", None),
        ("dog-xyzzy", None),
        ("UNKNOWN", None),
    ],
)
def test_forms_of_words(american: EnglishWords, word: str, said: str | None) -> None:
    assert american.say([word]) == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the dog", "ðə dˈɔɡ"),
        ("the apple", "ði ˈæpᵊl"),
        ("to walk", "tə wˈɔk"),
        ("to art", "tʊ ˈɑɹt"),
        ("a dog I have", "ɐ dˈɔɡ ˌI hæv"),
        ("live music", "lˈIv mjˈuzɪk"),
        ("I live", "ˌI lˈɪv"),
        ("I have read it", "ˌI hæv ɹˈɛd ɪt"),
        ("I read it", "ˌI ɹˈid ɪt"),
    ],
)
def test_some_words_are_said_by_their_neighbours(american: EnglishWords, text: str, said: str) -> None:
    assert american.say(text.split()) == said.split()
