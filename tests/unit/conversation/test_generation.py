from sottovoce.conversation.engines import Used
from sottovoce.conversation.generation import Generation


def test_what_is_still_to_be_heard_is_what_was_made_less_what_has_passed() -> None:
    generation = Generation(asked=0.0)
    assert generation.lead(5.0) == 0.0
    generation.audio(10.0, 1.0)
    generation.audio(10.2, 2.0)
    assert generation.lead(11.0) == 2.0
    assert generation.lead(20.0) == 0.0


def test_a_later_clause_hides_no_voice_that_stood_in() -> None:
    generation = Generation(asked=0.0)
    generation.use("tts", Used("espeak-ng", "kokoro"))
    generation.use("tts", Used("kokoro"))
    assert generation.used == {"tts": (Used("espeak-ng", "kokoro"), Used("kokoro"))}
