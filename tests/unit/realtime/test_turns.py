from __future__ import annotations

from sottovoce.conversation.events import (
    SpeechStarted,
    SpeechStopped,
    Transcript,
    TranscriptionFailed,
    TurnCommitted,
)
from sottovoce.realtime import turns
from tests.unit.realtime.client import Client, types

TRANSCRIPTION = "conversation.item.input_audio_transcription"


def test_a_spoken_turn_is_told_in_the_protocols_order() -> None:
    client = Client()
    answers = client.hear(
        SpeechStarted("item_a", 120),
        Transcript("item_a", "what", is_final=False),
        Transcript("item_a", "what time", is_final=False),
        SpeechStopped("item_a", 1620),
        TurnCommitted("item_a"),
        Transcript("item_a", "what time is it", is_final=True),
    )
    assert types(answers) == [
        "input_audio_buffer.speech_started",
        f"{TRANSCRIPTION}.delta",
        f"{TRANSCRIPTION}.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{TRANSCRIPTION}.delta",
        f"{TRANSCRIPTION}.completed",
    ]
    assert answers[0]["audio_start_ms"] == 120
    assert answers[3]["audio_end_ms"] == 1620
    assert [answer["delta"] for answer in answers if "delta" in answer] == ["what", " time", " is it"]
    assert {answer.get("item_id", "item_a") for answer in answers} == {"item_a"}
    assert answers[8]["transcript"] == "what time is it"
    assert answers[8]["usage"] == {"type": "duration", "seconds": 1.5}


def test_a_final_transcript_that_corrects_its_interims_adds_nothing_to_them() -> None:
    client = Client()
    answers = client.hear(
        Transcript("item_a", "watt", is_final=False),
        TurnCommitted("item_a"),
        Transcript("item_a", "what time is it", is_final=True),
    )
    assert [answer["delta"] for answer in answers if "delta" in answer] == ["watt"]
    assert answers[-1]["transcript"] == "what time is it"


def test_the_item_is_added_with_its_transcript_null_and_retrieved_with_its_words() -> None:
    client = Client()
    answers = client.hear(TurnCommitted("item_a"))
    assert answers[1]["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    client.hear(Transcript("item_a", "hello", is_final=True))
    (retrieved,) = client.send("conversation.item.retrieve", item_id="item_a")
    assert retrieved["item"]["content"] == [{"type": "input_audio", "transcript": "hello"}]


def test_each_turn_names_its_real_predecessor() -> None:
    client = Client()
    client.write("hi", "item_w")
    answers = client.hear(TurnCommitted("item_a"), TurnCommitted("item_b"))
    named = [answer["previous_item_id"] for answer in answers]
    assert named == ["item_w"] * 3 + ["item_a"] * 3


def test_a_manual_turn_is_as_long_as_what_was_committed() -> None:
    client = Client()
    client.update(audio={"input": {"turn_detection": None}})
    client.append(bytes(36_000))
    client.send("input_audio_buffer.commit")
    (*_, first) = client.hear(TurnCommitted("item_a"), Transcript("item_a", "x", is_final=True))
    (*_, second) = client.hear(TurnCommitted("item_b"), Transcript("item_b", "x", is_final=True))
    assert first["usage"] == {"type": "duration", "seconds": 0.75}
    assert second["usage"] == {"type": "duration", "seconds": 0.0}


def test_speech_that_goes_on_after_a_pause_is_one_turn() -> None:
    client = Client()
    events = [SpeechStarted("item_a", 0), SpeechStopped("item_a", 900)]
    events += [SpeechStarted("item_a", 1000), SpeechStopped("item_a", 2000)]
    (*_, completed) = client.hear(*events, Transcript("item_a", "x", is_final=True))
    assert completed["usage"]["seconds"] == 2.0


def test_a_final_transcript_commits_a_turn_that_was_not() -> None:
    client = Client()
    answers = client.hear(Transcript("item_a", "", is_final=True), TurnCommitted("item_a"))
    assert types(answers) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        f"{TRANSCRIPTION}.completed",
    ]


def test_words_that_were_shown_are_never_taken_back() -> None:
    client = Client()
    client.hear(Transcript("item_a", "what time", is_final=False))
    assert client.hear(Transcript("item_a", "what dime is", is_final=False)) == []
    assert client.hear(Transcript("item_a", "what time", is_final=False)) == []
    (delta,) = client.hear(Transcript("item_a", "what time is", is_final=False))
    assert delta["delta"] == " is"


def test_an_interim_that_comes_after_its_turn_is_dropped() -> None:
    client = Client()
    client.hear(TurnCommitted("item_a"))
    assert client.hear(Transcript("item_a", "late", is_final=False)) == []


def test_a_failed_transcription_is_told_without_nulls() -> None:
    (failed,) = Client().hear(TranscriptionFailed("item_a", "The recogniser is gone."))
    assert failed["error"] == {
        "type": "server_error",
        "code": "transcription_failed",
        "message": "The recogniser is gone.",
    }


def test_a_client_without_transcription_gets_no_words_but_its_items_have_them() -> None:
    client = Client()
    client.update(audio={"input": {"transcription": None}})
    answers = client.hear(
        Transcript("item_a", "se", is_final=False),
        TranscriptionFailed("item_a", "x"),
        TurnCommitted("item_a"),
        Transcript("item_a", "secret", is_final=True),
    )
    assert types(answers) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    (retrieved,) = client.send("conversation.item.retrieve", item_id="item_a")
    assert retrieved["item"]["content"][0]["transcript"] == "secret"


def test_turns_whose_transcript_never_comes_are_forgotten() -> None:
    client = Client()
    for number in range(turns.MAX_OPEN_TURNS + 1):
        client.hear(SpeechStarted(f"item_{number}", 0), SpeechStopped(f"item_{number}", 1000))
    (*_, oldest) = client.hear(Transcript("item_0", "x", is_final=True))
    (*_, latest) = client.hear(Transcript(f"item_{turns.MAX_OPEN_TURNS}", "x", is_final=True))
    assert oldest["usage"]["seconds"] == 0.0
    assert latest["usage"]["seconds"] == 1.0
