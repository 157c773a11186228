"""What Kokoro is given to say, read back from the sound that a client gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.voices import tone_model, without_espeak
from tests.made_models.kokoro import SPEAKERS, make_tone_voice, read_tones
from tests.service_child import ServiceChild, running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tone_voice(tmp_path_factory.mktemp("kokoro") / "tones")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[ServiceChild]:
    with running("tts", tone_model(folder), folder.parent) as child:
        yield child.ready()


@pytest.fixture(scope="module")
def alone(folder: Path) -> Iterator[ServiceChild]:
    """Without espeak-ng."""
    home = folder.parent / "alone"
    with running("tts", tone_model(folder), home, without_espeak(home / "no-espeak")) as child:
        yield child.ready()


def heard(service: ServiceChild, text: str, voice: str = "marin", speed: float = 1.0) -> tuple[str, set[int]]:
    reply = httpx.post(
        f"{service.url}/v1/audio/speech",
        headers=service.headers,
        json={"input": text, "voice": voice, "response_format": "pcm", "speed": speed},
        timeout=20,
        trust_env=False,
    )
    assert reply.status_code == 200, reply.text
    return read_tones(reply.content, speed)


def said(service: ServiceChild, text: str, voice: str = "marin") -> str:
    """Without the cuts between clauses."""
    return heard(service, text, voice)[0].replace("|", " ")


def test_numbers_and_a_word_that_no_lexicon_has(service: ServiceChild) -> None:
    text = "Hello, this is Sottovoce: it was $2.01!"
    spoken = "həlˈO, ðˈɪs ɪz sˈɑɾəvˌOs: ɪt wˈʌz tˈu dˈɑləɹz ænd wˈʌn sˈɛnt!"
    assert said(service, text) == spoken


def test_without_espeak_such_a_word_is_spelled(alone: ServiceChild) -> None:
    assert said(alone, "Hello, this is Xyz!") == "həlˈO, ðˈɪs ɪz ˈɛks wˈI zˈi!"


def test_forms_of_known_words_need_no_espeak(alone: ServiceChild) -> None:
    spoken = "ðə dˈɔɡz wˈɔkt tə ðə wˈɜɹld, wˈɔkɪŋ."
    assert said(alone, "The dogs walked to the world, walking.") == spoken


def test_articles_follow_the_sound_behind_them(alone: ServiceChild) -> None:
    assert said(alone, "a dog and the one, the hello, the I") == "ɐ dˈɔɡ ænd ðə wˈʌn, ðə həlˈO, ði ˌI"


def test_a_british_voice_speaks_british(service: ServiceChild) -> None:
    assert heard(service, "Hello there, two.", "bf_emma") == (
        "həlˈQ ðˈɛː, tˈuː.",
        {SPEAKERS.index("bf_emma")},
    )


def test_other_languages_are_pronounced_by_espeak(service: ServiceChild) -> None:
    assert heard(service, "¡Hola, mundo! 3", "ef_dora") == (
        "ˈola, mˈundo!|tɾˈes",
        {SPEAKERS.index("ef_dora")},
    )


def test_a_chinese_word_in_an_english_sentence_is_read(alone: ServiceChild) -> None:
    assert said(alone, "Hello 你好世界.") == "həlˈO ni↓xau↓ ʂɨ↘ʨjɛ↘."


def test_a_voice_whose_language_nobody_can_pronounce_is_not_offered(alone: ServiceChild) -> None:
    listed = httpx.get(f"{alone.url}/v1/audio/voices", headers=alone.headers, trust_env=False).json()
    assert "ef_dora" not in {voice["id"] for voice in listed["voices"]}
    reply = httpx.post(
        f"{alone.url}/v1/audio/speech",
        headers=alone.headers,
        json={"input": "Hola", "voice": "ef_dora"},
        trust_env=False,
    )
    assert reply.status_code == 400
    assert "install espeak-ng" in reply.json()["error"]["message"]


@pytest.mark.parametrize("speed", [0.5, 1.5, 2.0])
def test_speed_changes_the_length_and_nothing_else(alone: ServiceChild, speed: float) -> None:
    spoken, speakers = heard(alone, "Hello there.", speed=speed)
    assert (spoken.replace("|", " "), speakers) == ("həlˈO ðˈɛɹ.", {SPEAKERS.index("af_heart")})


def test_a_long_sentence_begins_with_a_short_clause(alone: ServiceChild) -> None:
    text = "This is the voice and there it was, one two three, and the dog is there, and it is the world."
    first, *others = heard(alone, text)[0].split("|")
    assert 5 < len(first) < 25
    assert max(map(len, others)) > len(first)


def test_nothing_is_lost_between_clauses(alone: ServiceChild) -> None:
    text = " ".join(["hello there the dog is one voice"] * 40)
    assert said(alone, text).split() == ["həlˈO", "ðˈɛɹ", "ðə", "dˈɔɡ", "ɪz", "wˈʌn", "vˈYs"] * 40
