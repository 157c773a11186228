"""espeak-ng itself: what the wrapper relies on, checked against the real library."""

import threading

import pytest

from sottovoce.engines.tts.libespeak import EspeakLibrary, LibraryError

TEXT = "Hello there. Is this a private voice assistant?"
VOICE = "gmw/en-US"


@pytest.fixture(scope="module")
def library() -> EspeakLibrary:
    return EspeakLibrary()


def speak(
    library: EspeakLibrary, text: str = TEXT, voice: str = VOICE, pace: int = 175, pitch: int = 50
) -> bytes:
    samples: list[bytes] = []

    def receive(chunk: bytes) -> bool:
        samples.append(chunk)
        return True

    assert library.speak(text, voice, pace, pitch, receive)
    return b"".join(samples)


def test_it_speaks_in_pieces(library: EspeakLibrary) -> None:
    seconds = len(speak(library)) / (2 * library.sample_rate)
    assert 2 < seconds < 5


def test_pace_and_voice_are_set_for_each_call(library: EspeakLibrary) -> None:
    usual = len(speak(library))
    assert len(speak(library, pace=350)) < 0.75 * usual
    assert len(speak(library, pace=90)) > 1.5 * usual
    assert abs(len(speak(library)) - usual) < 0.05 * usual


def test_a_stop_is_felt_at_once(library: EspeakLibrary) -> None:
    chunks: list[bytes] = []

    def receive(chunk: bytes) -> bool:
        chunks.append(chunk)
        return len(chunks) < 3

    assert not library.speak(TEXT, VOICE, 175, 50, receive)
    assert len(chunks) == 3


def test_what_the_receiver_raises_comes_out_and_the_library_lives(library: EspeakLibrary) -> None:
    def receive(chunk: bytes) -> bool:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        library.speak(TEXT, VOICE, 175, 50, receive)
    assert speak(library)


def test_an_unknown_voice_is_an_error(library: EspeakLibrary) -> None:
    with pytest.raises(LibraryError, match="no voice"):
        speak(library, voice="nobody")


def test_threads_take_turns(library: EspeakLibrary) -> None:
    usual = len(speak(library))
    lengths: list[int] = []

    def often() -> None:
        for voice, pace in ((VOICE, 175), ("gmw/de", 300), (VOICE, 175)):
            length = len(speak(library, voice=voice, pace=pace))
            if voice == VOICE:
                lengths.append(length)

    threads = [threading.Thread(target=often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lengths) == 8
    assert all(abs(length - usual) < 0.05 * usual for length in lengths)


def test_languages_and_variants_are_listed(library: EspeakLibrary) -> None:
    assert library.languages()["en-us"][0] == VOICE
    assert {"f3", "linda", "Mr serious"} <= library.variants()


@pytest.mark.parametrize(
    "text", ["", " ", "\0", "...", "\ud800", "😀", "你好", "<speak>&lt;</speak>", "[[h@l'oU]]"]
)
def test_odd_text_does_no_harm(library: EspeakLibrary, text: str) -> None:
    speak(library, text)
