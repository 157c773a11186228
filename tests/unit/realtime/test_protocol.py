from __future__ import annotations

import json
from typing import Any

import pytest

from sottovoce.conversation import events as told
from sottovoce.realtime.patience import MAX_BAD_MESSAGES
from sottovoce.realtime.protocol import MAX_MESSAGE_BYTES, ProtocolOptions
from tests.unit.realtime.client import Client, only_error, types

EXTENSION_EVENTS: list[told.SessionEvent] = [
    told.StateChanged("listening"),
    told.ToolCalled("call_1", "clock", "{}", "noon", is_error=False),
    told.TurnMeasured("item_u", "resp_a", told.Latency(voice_to_voice=312.5, vad=40.0)),
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
    state, tool, metrics, engine = client.hear(*EXTENSION_EVENTS)
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
    assert _without_id(engine) == {
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
