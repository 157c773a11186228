from __future__ import annotations

from sottovoce.conversation.turn import Turn


def test_latency_legs_count_from_the_end_of_speech() -> None:
    turn = Turn("item", speech_ended=10.0, pause_seen=10.1, transcribed=10.15, committed=10.3)
    turn.llm_asked, turn.first_token, turn.tts_asked, turn.first_audio = 10.16, 10.2, 10.21, 10.25
    turn.first_frame = 10.35
    latency = turn.latency()
    assert latency.voice_to_voice == 350.0
    assert latency.vad == 100.0
    assert latency.stt_final == 150.0
    assert latency.end_of_turn == 300.0
    assert latency.llm_first_token == 40.0
    assert latency.tts_first_audio == 40.0
    assert latency.delivery == 50.0  # from the commit, the later of commit and first audio


def test_unknown_legs_stay_unknown() -> None:
    assert Turn("item").latency().voice_to_voice is None


def test_the_shown_interim_only_grows() -> None:
    turn = Turn("item")
    assert turn.show_interim("set a")
    assert not turn.show_interim("set a")
    assert not turn.show_interim("said a")
    assert turn.show_interim("set a timer")
    turn.add_final("set the timer")
    assert turn.show_interim("for ten")
    assert turn.shown == "set a timer for ten"
    assert turn.said == "set the timer"


def test_a_turn_is_empty_when_all_of_it_was_noise() -> None:
    turn = Turn("item", segments=1)
    assert not turn.is_empty
    turn.is_stopped = True
    assert not turn.is_empty
    turn.segments = 0
    assert turn.is_empty
    turn.add_final("hello")
    assert not turn.is_empty
