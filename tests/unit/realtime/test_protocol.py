"""The protocol by itself: what is said to whom, in the orders that clients rely on.

Every branch of `realtime/protocol.py` is taken from here; `test_protocol_coverage.py` sees to it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.conversation.engines import Used
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.deferred import MAX_WAITING
from sottovoce.realtime.patience import MAX_BAD_MESSAGES, Patience
from sottovoce.realtime.protocol import MAX_MESSAGE_BYTES, ProtocolOptions
from tests.unit.realtime.client import Client, only_error, types

TRANSCRIPTION = "conversation.item.input_audio_transcription"
TURN = ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
OPENING = ["response.output_item.added", "conversation.item.added", "response.content_part.added"]
CLOSING = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
SPARE_VOICE = Used("espeak-ng", "kokoro", "The voice did not answer in time.")
EXTENSION_EVENTS: list[told.SessionEvent] = [
    told.StateChanged("listening"),
    told.ToolCalled("call_1", "clock", "{}", "noon", is_error=False),
    told.TurnMeasured(
        "item_u",
        "resp_a",
        told.Latency(voice_to_voice=312.5, vad=40.0),
        {"llm": (Used("qwen3-4b"),), "tts": (SPARE_VOICE,)},
    ),
    told.ReplyServed(
        "resp_a",
        "item_a",
        {
            "llm": (Used("rules", "qwen3-4b", "it is loading", is_coming=True),),
            "tts": (SPARE_VOICE, Used("kokoro")),
        },
    ),
    told.EngineFailed("tts", "The voice is gone.", is_spoken=False),
]


def test_the_model_that_was_asked_for_is_shown() -> None:
    assert Client(ProtocolOptions(model="gpt-realtime")).open()["session"]["model"] == "gpt-realtime"


@pytest.mark.parametrize(
    ("message", "code", "param", "event_id"),
    [
        ("{", "invalid_json", None, None),
        ("[]", "invalid_value", None, None),
        ("null", "invalid_value", None, None),
        ('{"event_id": "e"}', "missing_required_parameter", "type", "e"),
        ('{"type": "session.teleport", "event_id": "e"}', "invalid_value", "type", "e"),
        ('{"type": "response.cancel", "event_id": "e", "why": 1}', "unknown_parameter", "why", "e"),
        (
            '{"type": "conversation.item.retrieve", "event_id": "e"}',
            "missing_required_parameter",
            "item_id",
            "e",
        ),
        ('{"type": "response.cancel", "event_id": 7}', "invalid_value", "event_id", None),
        ('{"type": "conversation.item.retrieve", "item_id": ""}', "invalid_value", "item_id", None),
        ('{"type": "input_audio_buffer.append", "audio": 1}', "invalid_value", "audio", None),
        (b"\xff\xfe{", "invalid_json", None, None),
        ("[" * 200_000, "invalid_json", None, None),
        ('{"type": "response.cancel", "event_id": "\\ud800"}', "invalid_json", None, None),
        ('{"type": "response.cancel", "x": %s}' % ("9" * 100_000), "invalid_json", None, None),
        (
            '{"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": NaN}',
            "invalid_value",
            "audio_end_ms",
            None,
        ),
        ("", "invalid_json", None, None),
    ],
)
def test_a_malformed_message_costs_one_error_and_names_its_fault(
    message: str | bytes, code: str, param: str | None, event_id: str | None
) -> None:
    client = Client()
    error = only_error(client.send_raw(message))
    assert (error["code"], error["param"], error["event_id"]) == (code, param, event_id)
    assert error["type"] == "invalid_request_error"
    assert len(error["message"]) < 1000
    assert client.update()["type"] == "session.updated"


def test_an_error_repeats_little_of_what_was_sent() -> None:
    error = only_error(Client().send_raw(json.dumps({"type": "x" * 100_000})))
    assert len(error["message"]) < 1000
    assert "response.cancel" in error["message"]


def test_a_message_with_countless_faults_is_refused_quickly() -> None:
    content = ",".join(["{}"] * 300_000)
    message = '{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[%s]}}'
    error = only_error(Client().send_raw(message % content))
    assert error["param"] == "item.content.0.type"


def test_messages_may_come_as_bytes() -> None:
    assert types(Client().send_raw(b'{"type":"input_audio_buffer.clear"}')) == ["input_audio_buffer.cleared"]


def test_a_client_that_only_sends_nonsense_is_closed() -> None:
    client = Client()
    for _ in range(MAX_BAD_MESSAGES - 1):
        client.send_raw("nonsense")
    assert client.closed is None
    assert types(client.send_raw("nonsense")) == ["error"]
    assert client.closed is not None
    assert client.closed.code == 1008


def test_one_good_message_makes_up_for_bad_ones() -> None:
    client = Client()
    for _ in range(3):
        for _ in range(MAX_BAD_MESSAGES - 1):
            client.send_raw("nonsense")
        client.append(b"\0\0")
    assert client.closed is None


def test_well_formed_requests_that_fail_do_not_count_as_nonsense() -> None:
    client = Client()
    for _ in range(MAX_BAD_MESSAGES + 1):
        only_error(client.send("response.cancel"))
    assert client.closed is None


def test_a_message_over_the_limit_closes_with_1009() -> None:
    client = Client()
    assert client.send_raw("x" * (MAX_MESSAGE_BYTES + 1)) == []
    assert client.closed is not None
    assert client.closed.code == 1009


def test_stock_clients_never_see_our_own_events() -> None:
    assert Client().hear(*EXTENSION_EVENTS) == []


def test_clients_that_asked_see_our_own_events() -> None:
    client = Client(ProtocolOptions(has_extensions=True))
    state, tool, metrics, engines, failure = client.hear(*EXTENSION_EVENTS)
    assert state["type"] == "sottovoce.session.state"
    assert state["state"] == "listening"
    assert _without_id(tool) == {
        "type": "sottovoce.tool.called",
        "call_id": "call_1",
        "name": "clock",
        "arguments": "{}",
        "output": "noon",
        "is_error": False,
    }
    assert metrics["type"] == "sottovoce.turn.metrics"
    assert metrics["latency_ms"]["voice_to_voice"] == 312.5
    assert metrics["latency_ms"]["delivery"] is None
    assert set(metrics["latency_ms"]) == set(told.Latency.__dataclass_fields__)
    assert metrics["engines"] == {"stt": None, "llm": "qwen3-4b", "tts": "espeak-ng"}
    spare_voice = {
        "engine": "tts",
        "model": "espeak-ng",
        "instead_of": "kokoro",
        "reason": "The voice did not answer in time.",
        "is_coming": False,
    }
    assert metrics["fallbacks"] == [spare_voice]
    spare_model = {
        "engine": "llm",
        "model": "rules",
        "instead_of": "qwen3-4b",
        "reason": "it is loading",
        "is_coming": True,
    }
    assert _without_id(engines) == {
        "type": "sottovoce.response.engines",
        "response_id": "resp_a",
        "item_id": "item_a",
        "engines": {"stt": None, "llm": "rules", "tts": "kokoro"},
        "fallbacks": [spare_model, spare_voice],
    }
    assert _without_id(failure) == {
        "type": "sottovoce.engine.failed",
        "engine": "tts",
        "message": "The voice is gone.",
        "is_spoken": False,
    }


def test_what_was_heard_of_a_cut_reply_is_told_just_before_its_end() -> None:
    client = Client(ProtocolOptions(has_extensions=True))
    client.hear(told.ReplyStarted("resp_a", "item_a"), told.ReplyText("resp_a", "item_a", "one two"))
    cut = told.ReplyFinished("resp_a", "item_a", "cancelled", "turn_detected", "one", " two")
    answers = client.hear(cut)
    assert types(answers)[-3:] == ["sottovoce.response.heard", "response.done", "rate_limits.updated"]
    assert (answers[-3]["heard"], answers[-3]["unheard"]) == ("one", " two")


def _without_id(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "event_id"}


def test_audio_in_events_of_a_call_is_refused_its_track_has_it() -> None:
    client = Client(ProtocolOptions(transport="webrtc"))
    error = only_error(client.append(bytes(960)))
    assert error["code"] == "unsupported_operation"
    assert not client.session.heard


def test_who_comes_late_is_told_of_the_items_as_they_are_now() -> None:
    client = Client(ProtocolOptions(transport="webrtc"))
    client.hear(told.TurnCommitted("item_u"), told.Transcript("item_u", "count to forty", is_final=True))
    client.hear(told.ReplyStarted("resp_a", "item_a"), told.ReplyText("resp_a", "item_a", "one two"))
    recap = [json.loads(event.to_json()) for event in client.protocol.recap()]
    assert [(event["type"], event["item"]["id"]) for event in recap] == [
        ("conversation.item.added", "item_u"),
        ("conversation.item.done", "item_u"),
        ("conversation.item.added", "item_a"),
    ]
    assert recap[0]["item"]["content"][0]["transcript"] == "count to forty"
    assert recap[2]["previous_item_id"] == "item_u"


def test_what_is_beside_the_conversation_is_known_as_long_as_it_lasts() -> None:
    client = Client()
    client.hear(told.ReplyStarted("resp_a", "item_a"))
    client.send("response.create", response={"conversation": "none"})
    beside = client.session.asked[-1][1]
    client.hear(told.ReplyStarted(beside, "item_b", "text"))
    assert client.protocol.is_beside(beside)
    assert not client.protocol.is_beside("resp_a")
    client.hear(told.ReplyFinished(beside, "item_b", "completed"))
    assert not client.protocol.is_beside(beside)


def test_each_of_several_senders_is_listened_to_with_a_patience_of_its_own() -> None:
    client = Client()
    patience = Patience()
    for _ in range(MAX_BAD_MESSAGES - 1):
        client.read(client.connection.receive("nonsense", patience))
    client.send_raw("nonsense")
    assert client.closed is None
    client.read(client.connection.receive("nonsense", patience))
    assert client.closed is not None


# -- the orders of events that clients rely on


def test_a_spoken_turn() -> None:
    client = Client()
    answers = client.hear(
        told.SpeechStarted("item_u", 120),
        told.Transcript("item_u", "what", is_final=False),
        told.SpeechStopped("item_u", 1620),
        told.TurnCommitted("item_u"),
        told.Transcript("item_u", "what time is it", is_final=True),
        told.ReplyStarted("resp_a", "item_a"),
    )
    answers += client.read(client.protocol.audio([PlayoutFrame("resp_a", "item_a", b"\1\0" * 480)]))
    answers += client.hear(
        told.ReplyPlaying("resp_a"),
        told.ReplyText("resp_a", "item_a", "Noon."),
        told.ReplyFinished("resp_a", "item_a", "completed", heard="Noon.", audio_ms=20),
    )
    assert types(answers) == [
        "input_audio_buffer.speech_started",
        f"{TRANSCRIPTION}.delta",
        "input_audio_buffer.speech_stopped",
        *TURN,
        f"{TRANSCRIPTION}.delta",
        f"{TRANSCRIPTION}.completed",
        "response.created",
        *OPENING,
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        *CLOSING,
    ]
    added = [answer for answer in answers if answer["type"] == "conversation.item.added"]
    assert [answer["previous_item_id"] for answer in added] == [None, "item_u"]


def test_an_interruption_and_the_truncation_that_follows() -> None:
    client = Client()
    client.hear(told.ReplyStarted("resp_a", "item_a"), told.ReplyText("resp_a", "item_a", "It is noon."))
    assert client.protocol.is_responding
    answers = client.hear(
        told.SpeechStarted("item_v", 4000),
        told.ReplyFinished("resp_a", "item_a", "cancelled", "turn_detected", "It is", " noon.", 300),
        told.ReplyText("resp_a", "item_a", "late"),
    )
    assert types(answers) == ["input_audio_buffer.speech_started", *CLOSING]
    assert not client.protocol.is_responding
    (answer,) = client.send("conversation.item.truncate", item_id="item_a", content_index=0, audio_end_ms=200)
    assert (answer["type"], answer["audio_end_ms"]) == ("conversation.item.truncated", 200)
    assert client.session.truncated == [("item_a", 200)]


def test_an_interruption_over_webrtc() -> None:
    client = Client(ProtocolOptions(transport="webrtc"))
    client.hear(told.ReplyStarted("resp_a", "item_a"), told.ReplyPlaying("resp_a"))
    answers = client.hear(told.ReplyFinished("resp_a", "item_a", "cancelled", "turn_detected", audio_ms=60))
    assert types(answers) == ["output_audio_buffer.cleared", *CLOSING, "conversation.item.truncated"]


def test_a_function_is_called_and_answered() -> None:
    client = Client()
    client.update(tools=[{"type": "function", "name": "weather"}])
    answers = client.hear(
        told.ReplyStarted("resp_a", "item_a"),
        told.FunctionCalled("resp_a", "item_f", "call_1", "weather", "{}"),
        told.ReplyFinished("resp_a", "item_a", "completed"),
    )
    assert types(answers) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    output = {"type": "function_call_output", "call_id": "call_1", "output": "Rain."}
    answers = client.send("conversation.item.create", item=output)
    assert types(answers) == ["conversation.item.added", "conversation.item.done"]
    assert answers[0]["previous_item_id"] == "item_f"
    assert client.send("response.create") == []
    assert len(client.session.asked) == 1


def test_a_turn_ended_by_hand() -> None:
    client = Client()
    client.update(audio={"input": {"turn_detection": None}})
    assert client.append(bytes(9600)) == []
    assert client.append(b"") == []
    assert client.send("input_audio_buffer.commit") == []
    answers = client.hear(
        told.SpeechStarted("item_u", 0),
        told.SpeechStopped("item_u", 100),
        told.TurnCommitted("item_u"),
        told.Transcript("item_u", "hello", is_final=True),
    )
    assert types(answers) == [*TURN, f"{TRANSCRIPTION}.completed"]
    assert client.session.commits == 1


def test_silence_that_lasts_too_long_is_answered() -> None:
    client = Client()
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    client.update(audio={"input": {"turn_detection": detection}})
    answers = client.hear(
        told.IdleTimedOut("item_i", 9000, 14_000),
        told.TurnCommitted("item_i"),
        told.Transcript("item_i", "", is_final=True),
        told.ReplyStarted("resp_a", "item_a"),
    )
    assert types(answers) == [
        "input_audio_buffer.timeout_triggered",
        *TURN,
        f"{TRANSCRIPTION}.completed",
        "response.created",
    ]
    assert (answers[0]["item_id"], answers[0]["audio_start_ms"], answers[0]["audio_end_ms"]) == (
        "item_i",
        9000,
        14_000,
    )
    assert answers[4]["usage"]["seconds"] == 5


def test_items_come_and_go() -> None:
    client = Client()
    assert types(client.write("hello", "msg_1")) == ["conversation.item.added", "conversation.item.done"]
    assert types(client.send("conversation.item.retrieve", item_id="msg_1")) == [
        "conversation.item.retrieved"
    ]
    assert types(client.send("conversation.item.delete", item_id="msg_1")) == ["conversation.item.deleted"]
    assert only_error(client.send("conversation.item.delete", item_id="msg_1"))
    assert client.session.history == []


def test_a_transcription_that_fails_is_told() -> None:
    client = Client()
    answers = client.hear(told.TurnCommitted("item_u"), told.TranscriptionFailed("item_u", "No recogniser."))
    assert types(answers) == [*TURN, f"{TRANSCRIPTION}.failed"]


def test_what_is_asked_too_early_is_answered_when_the_reply_ends() -> None:
    client = Client()
    client.hear(told.ReplyStarted("resp_a", "item_a"), told.ReplyText("resp_a", "item_a", "It is"))
    assert client.send("response.cancel") == []
    assert client.session.interrupted == ["resp_a"]
    assert client.send("response.create", event_id="again") == []
    for _ in range(MAX_WAITING - 1):
        assert client.send("conversation.item.delete", item_id="item_a") == []
    error = only_error(client.send("conversation.item.delete", item_id="item_a", event_id="much"))
    assert (error["code"], error["event_id"]) == ("too_many_waiting_requests", "much")
    answers = client.hear(told.ReplyFinished("resp_a", "item_a", "cancelled", "client_cancelled", "It is"))
    assert types(answers)[:8] == [*CLOSING, "conversation.item.deleted"]
    assert set(types(answers)[8:]) == {"error"}
    assert len(client.session.asked) == 1


def test_the_output_buffer_is_cleared_over_webrtc_only() -> None:
    client = Client(ProtocolOptions(transport="webrtc"))
    client.hear(told.ReplyStarted("resp_a", "item_a"), told.ReplyPlaying("resp_a"))
    assert client.send("output_audio_buffer.clear") == []
    assert client.session.interrupted == ["resp_a"]
    assert only_error(Client().send("output_audio_buffer.clear"))["param"] == "type"


def test_a_session_that_only_listens_never_responds() -> None:
    client = Client()
    client.send("session.update", session={"type": "transcription"})
    error = only_error(client.send("response.create", event_id="e"))
    assert (error["param"], error["event_id"]) == ("type", "e")
    assert (
        client.hear(
            told.ReplyStarted("resp_a", "item_a"),
            told.ReplyText("resp_a", "item_a", "psst"),
            told.ReplyPlaying("resp_a"),
            told.FunctionCalled("resp_a", "item_f", "call_1", "f", "{}"),
            told.ReplyFinished("resp_a", "item_a", "completed", heard="psst"),
        )
        == []
    )
    answers = client.hear(told.TurnCommitted("item_u"), told.Transcript("item_u", "hello", is_final=True))
    assert types(answers) == [*TURN, f"{TRANSCRIPTION}.completed"]


def test_what_the_session_refuses_is_an_error_and_all_is_as_it_was() -> None:
    client = Client()
    client.session.refusal = InvalidRequestError("Not now.", code="busy", param="session.tool_choice")
    error = only_error(client.send("session.update", event_id="e", session={"type": "realtime"}))
    assert (error["code"], error["param"], error["event_id"]) == ("busy", "session.tool_choice", "e")
    client.session.refusal = InvalidRequestError("Full.", code="input_audio_buffer_overflow")
    assert only_error(client.append(b"\0\0"))["code"] == "input_audio_buffer_overflow"


def test_the_input_buffer_is_cleared() -> None:
    client = Client()
    client.append(bytes(4800))
    assert types(client.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert client.session.clears == 1
