from __future__ import annotations

from sottovoce.conversation.engines import Used, Uses, in_words, together

GOOD, SPARE = Used("kokoro"), Used("espeak-ng", "kokoro")


def test_a_stand_in_is_kept_when_the_preferred_one_goes_on() -> None:
    assert together({"tts": (SPARE,)}, {"tts": (GOOD,)}) == {"tts": (SPARE, GOOD)}


def test_each_stands_once_where_it_was_last() -> None:
    assert together({"tts": (GOOD, SPARE)}, {"tts": (GOOD,)}) == {"tts": (SPARE, GOOD)}


def test_the_last_known_reason_stays() -> None:
    late = Used("espeak-ng", "kokoro", "It is late.")
    broken = Used("espeak-ng", "kokoro", "It is broken.")
    assert together({"tts": (SPARE,)}, {"tts": (late,)}) == {"tts": (late,)}
    assert together({"tts": (late,)}, {"tts": (SPARE,)}) == {"tts": (late,)}
    assert together({"tts": (late,)}, {"tts": (broken,)}) == {"tts": (broken,)}


def test_one_that_was_coming_and_then_failed_is_not_coming() -> None:
    coming = Used("espeak-ng", "kokoro", "it is loading", is_coming=True)
    broken = Used("espeak-ng", "kokoro", "It is broken.")
    assert together({"tts": (coming,)}, {"tts": (broken,)}) == {"tts": (broken,)}


def test_kinds_without_engines_are_left_out() -> None:
    assert together({"stt": ()}, {"llm": (Used("rules"),)}) == {"llm": (Used("rules"),)}


def test_the_log_names_every_one() -> None:
    uses: Uses = {"tts": (SPARE, GOOD), "llm": (Used("rules", "qwen3-4b", "it is loading"),)}
    llm, tts = in_words(uses).split(", ")
    assert llm == "llm rules instead of qwen3-4b (it is loading)"
    assert tts == "tts espeak-ng instead of kokoro (it failed) and kokoro"
    assert in_words({}) == "no engine"
