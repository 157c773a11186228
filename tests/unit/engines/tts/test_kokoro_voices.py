import pytest

from sottovoce.engines.tts.kokoro_voices import (
    ALIASES,
    VERSION_0_19,
    VERSION_1_0,
    KokoroVoices,
    speakers,
)
from sottovoce.engines.tts.other_names import wished_voice
from sottovoce.engines.tts.voices import OPENAI_VOICES
from sottovoce.errors import InvalidRequestError


@pytest.fixture
def voices() -> KokoroVoices:
    return KokoroVoices(speakers((), 53))


def test_a_known_archive_is_recognised_by_its_number_of_speakers() -> None:
    assert [speaker.name for speaker in speakers((), 53)] == list(VERSION_1_0)
    assert [speaker.name for speaker in speakers((), 11)] == list(VERSION_0_19)
    assert [speaker.name for speaker in speakers((), 2)] == ["speaker-0", "speaker-1"]


def test_the_model_s_own_names_come_first() -> None:
    chosen = speakers(("zf_001", "af_maple"), 2)
    assert [(each.number, each.language, each.gender) for each in chosen] == [
        (0, "zh", "female"),
        (1, "en-us", "female"),
    ]


def test_numbers_are_those_of_the_archive(voices: KokoroVoices) -> None:
    numbers = {"af_alloy": 0, "af_heart": 3, "am_onyx": 17, "bf_emma": 21, "ef_dora": 28, "zm_yunyang": 52}
    assert {name: voices.find(name).number for name in numbers} == numbers


def test_every_name_of_openai_is_a_different_speaker(voices: KokoroVoices) -> None:
    assert set(ALIASES) == set(OPENAI_VOICES)
    assert len({voices.find(name) for name in ALIASES}) == len(ALIASES)
    assert voices.find("nova").name == "af_nova"
    assert voices.find("marin").name == "af_heart"


def test_a_smaller_model_has_every_name_of_openai_too() -> None:
    small = KokoroVoices(speakers((), 11))
    assert {small.find(name).language.partition("-")[0] for name in ALIASES} == {"en"}
    assert small.find("onyx").gender == "male"
    one = KokoroVoices(speakers(("zf_001",), 1))
    assert one.find("alloy").name == "zf_001"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("en-us", "af_alloy"),
        ("en-us+m3", "am_adam"),
        ("fr", "ff_siwis"),
        ("es+m1", "em_alex"),
        ("zh", "zf_xiaobei"),
    ],
)
def test_voices_of_other_engines_are_spoken_alike(voices: KokoroVoices, name: str, found: str) -> None:
    assert voices.find(name).name == found


@pytest.mark.parametrize("name", ["", "nobody", "de", "af_", "af_nosuch/../x", "qf_x", "AF_HEART", "xx+f3"])
def test_other_names_are_refused(voices: KokoroVoices, name: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        voices.find(name)
    assert caught.value.param == "voice"


def test_languages_that_cannot_be_said_are_not_listed() -> None:
    voices = KokoroVoices(speakers((), 53), lambda language: language.startswith("en"))
    assert {voice.language for voice in voices.listed} == {"en-us", "en-gb"}
    with pytest.raises(InvalidRequestError, match="cannot be pronounced"):
        voices.find("ef_dora")
    with pytest.raises(InvalidRequestError, match="no voice"):
        voices.find("es")


def test_a_name_tells_language_and_gender() -> None:
    told = {name: wished_voice(name) for name in ("bm_george", "pt-br", "cmn+f1", "echo", "af")}
    shown = {name: (wish.language, wish.gender) for name, wish in told.items() if wish}
    assert shown == {
        "bm_george": ("en-gb", "male"),
        "pt-br": ("pt-br", ""),
        "cmn+f1": ("zh", "female"),
        "echo": ("en-us", "male"),
        "af": ("en-us", "female"),
    }
    assert wished_voice("no such voice") is None
