from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation.events import (
    ReplyFinished,
    ReplyPlaying,
    ReplyStarted,
    ReplyText,
    TurnCommitted,
    Usage,
)
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.protocol import ProtocolOptions
from tests.unit.realtime.client import Client, only_error, types

STARTED = ReplyStarted("resp_a", "item_a")
WEBRTC = ProtocolOptions(transport="webrtc")
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


def text(delta: str) -> ReplyText:
    return ReplyText("resp_a", "item_a", delta)


def finished(status: Any = "completed", reason: Any = None, **more: Any) -> ReplyFinished:
    return ReplyFinished("resp_a", "item_a", status, reason, **more)


def play(client: Client, frames: int = 1, response_id: str = "resp_a") -> list[dict[str, Any]]:
    frame = PlayoutFrame(response_id, "item_a", b"\1\0" * 480)
    return client.read(client.protocol.audio([frame] * frames))


def test_a_spoken_reply_is_told_in_the_protocols_order() -> None:
    client = Client()
    client.hear(TurnCommitted("item_u"))
    answers = client.hear(STARTED)
    answers += play(client, 2)
    answers += client.hear(ReplyPlaying("resp_a"), text("It is "), text("noon."))
    answers += play(client)
    answers += client.hear(finished(heard="It is noon.", audio_ms=60, usage=Usage(12, 5)))
    assert types(answers) == [
        "response.created",
        *OPENING,
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        *CLOSING,
    ]
    assert {answer["response_id"] for answer in answers if "response_id" in answer} == {"resp_a"}
    created, added = answers[0]["response"], answers[2]
    assert created["status"] == "in_progress"
    assert created["output"] == []
    assert added["previous_item_id"] == "item_u"
    assert added["item"]["status"] == "in_progress"
    assert added["item"]["content"] == []
    assert answers[3]["part"] == {"type": "audio", "transcript": ""}
    assert b64decode(answers[4]["delta"]) == b"\1\0" * 960


def test_a_completed_response_carries_its_item_and_its_usage() -> None:
    client = Client()
    client.hear(STARTED, text("It is noon."))
    answers = client.hear(finished(heard="It is noon.", usage=Usage(12, 5)))
    by_type = {answer["type"]: answer for answer in answers}
    item = by_type["response.output_item.done"]["item"]
    assert item["status"] == "completed"
    assert item["content"] == [{"type": "output_audio", "transcript": "It is noon."}]
    assert by_type["response.content_part.done"]["part"] == {"type": "audio", "transcript": "It is noon."}
    response = by_type["response.done"]["response"]
    assert response["status"] == "completed"
    assert response["status_details"] is None
    assert response["output"] == [item]
    assert response["usage"]["input_tokens"] == 12
    assert response["usage"]["output_tokens"] == 5
    assert response["usage"]["total_tokens"] == 17
    assert response["usage"]["input_token_details"]["text_tokens"] == 12
    assert response["conversation_id"].startswith("conv_")
    assert by_type["rate_limits.updated"]["rate_limits"] == []


def test_the_deltas_add_up_to_the_transcript() -> None:
    client = Client()
    answers = client.hear(STARTED, text("It is"), finished(heard="It is noon."))
    deltas = [a["delta"] for a in answers if a["type"] == "response.output_audio_transcript.delta"]
    done = next(a for a in answers if a["type"] == "response.output_audio_transcript.done")
    assert "".join(deltas) == done["transcript"] == "It is noon."


def test_an_interrupted_reply_ends_with_what_was_heard() -> None:
    client = Client()
    client.hear(STARTED, text("It is noon."))
    answers = client.hear(
        finished("cancelled", "turn_detected", heard="It is", unheard=" noon.", audio_ms=300)
    )
    assert types(answers) == CLOSING
    assert answers[1]["transcript"] == "It is"
    assert answers[4]["item"]["status"] == "incomplete"
    response = answers[5]["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert client.hear(text("late")) == []
    assert play(client) == []


def test_a_failed_reply_says_why() -> None:
    client = Client()
    answers = client.hear(STARTED, finished("failed", error="The llm engine failed."))
    assert types(answers) == ["response.created", "response.done", "rate_limits.updated"]
    details = answers[1]["response"]["status_details"]
    assert details["type"] == "failed"
    assert details["error"]["message"] == "The llm engine failed."
    assert answers[1]["response"]["output"] == []


def test_a_reply_cut_before_its_first_word_leaves_no_item() -> None:
    client = Client()
    answers = client.hear(STARTED, finished("cancelled", "turn_detected"))
    assert types(answers) == ["response.created", "response.done", "rate_limits.updated"]
    assert only_error(client.send("conversation.item.retrieve", item_id="item_a"))


def test_a_reply_that_begins_too_early_ends_its_predecessor() -> None:
    client = Client()
    answers = client.hear(
        STARTED, text("one"), ReplyStarted("resp_b", "item_b"), finished(heard="one"), text("two")
    )
    assert types(answers) == [
        "response.created",
        *OPENING,
        "response.output_audio_transcript.delta",
        *CLOSING,
        "response.created",
    ]
    assert answers[-1]["response"]["id"] == "resp_b"


def test_events_of_unknown_responses_are_dropped() -> None:
    client = Client()
    assert client.hear(text("x"), ReplyPlaying("resp_a"), finished()) == []
    assert play(client) == []
    client.hear(STARTED)
    assert client.hear(STARTED) == []
    assert play(client, response_id="resp_b") == []


# -- response.create


def test_a_response_asked_for_echoes_its_metadata() -> None:
    client = Client()
    metadata = {"client_event_id": "ev_1"}
    assert client.send("response.create", response={"instructions": "Sing.", "metadata": metadata}) == []
    ((instructions, response_id),) = client.session.asked
    assert instructions == "Sing."
    created, done, _ = client.hear(
        ReplyStarted(response_id, "item_a"), ReplyFinished(response_id, "item_a", "completed")
    )
    assert created["response"]["id"] == response_id
    assert created["response"]["metadata"] == metadata
    assert done["response"]["metadata"] == metadata


def test_metadata_does_not_stick_to_other_responses() -> None:
    client = Client()
    client.send("response.create", response={"metadata": {"a": "b"}})
    (created,) = client.hear(STARTED)
    assert created["response"]["metadata"] is None


def test_a_second_response_is_refused_while_one_is_active() -> None:
    client = Client()
    client.hear(STARTED)
    error = only_error(client.send("response.create", event_id="e"))
    assert error["code"] == "conversation_already_has_active_response"
    assert error["event_id"] == "e"
    assert client.session.asked == []
    client.hear(finished())
    assert client.send("response.create") == []
    assert len(client.session.asked) == 1


def test_a_response_that_the_session_refuses_is_an_error_and_blocks_nothing() -> None:
    client = Client()
    client.session.refusal = InvalidRequestError("Busy.", code="conversation_already_has_active_response")
    error = only_error(client.send("response.create", event_id="e"))
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "e")
    assert client.send("response.create") == []


@pytest.mark.parametrize(
    ("response", "param"),
    [
        ({"conversation": "none"}, "response.conversation"),
        ({"input": []}, "response.input"),
        ({"output_modalities": ["smell"]}, "response.output_modalities.0"),
        ({"tools": [{"type": "function"}]}, "response.tools"),
        ({"tool_choice": "required"}, "response.tool_choice"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "response.metadata"),
        ({"max_output_tokens": 5}, "response.max_output_tokens"),
    ],
)
def test_what_a_response_cannot_do_yet_is_refused_by_name(response: dict[str, Any], param: str) -> None:
    client = Client()
    error = only_error(client.send("response.create", event_id="e", response=response))
    assert (error["param"], error["event_id"]) == (param, "e")
    assert client.session.asked == []


# -- response.cancel


@pytest.mark.parametrize("fields", [{}, {"response_id": "resp_x"}])
def test_a_vain_cancel_fails_in_the_words_that_clients_look_for(fields: dict[str, str]) -> None:
    client = Client()
    if fields:
        client.hear(STARTED)
    error = only_error(client.send("response.cancel", event_id="e", **fields))
    assert error["code"] == "response_cancel_not_active"
    assert error["message"].startswith("Cancellation failed")
    assert error["event_id"] == "e"
    assert client.session.interruptions == 0


@pytest.mark.parametrize("fields", [{}, {"response_id": "resp_a"}])
def test_a_cancelled_response_says_nothing_more_but_its_end(fields: dict[str, str]) -> None:
    client = Client()
    client.hear(STARTED, text("It is "))
    assert client.send("response.cancel", **fields) == []
    assert client.send("response.cancel", **fields) == []
    assert client.session.interruptions == 1
    assert client.hear(text("noon."), ReplyPlaying("resp_a")) == []
    assert play(client) == []
    answers = client.hear(finished("cancelled", "client_cancelled", heard="It is"))
    assert types(answers) == CLOSING
    assert answers[5]["response"]["status_details"]["reason"] == "client_cancelled"


def test_a_cancelled_response_that_had_just_ended_is_completed_without_further_deltas() -> None:
    client = Client()
    client.hear(STARTED, text("It is "))
    client.send("response.cancel")
    assert types(client.hear(finished(heard="It is noon."))) == CLOSING


def test_a_response_cancelled_before_it_began_is_interrupted_when_it_does() -> None:
    client = Client()
    client.send("response.create")
    response_id = client.session.asked[0][1]
    assert client.send("response.cancel") == []
    assert client.session.interruptions == 0
    (created,) = client.hear(ReplyStarted(response_id, "item_a"))
    assert created["type"] == "response.created"
    assert client.session.interruptions == 1
    assert client.hear(ReplyText(response_id, "item_a", "x")) == []


# -- WebRTC


def test_over_webrtc_playing_is_told_and_sound_is_not_sent() -> None:
    client = Client(WEBRTC)
    answers = client.hear(
        STARTED, ReplyPlaying("resp_a"), ReplyPlaying("resp_a"), text("Hi."), finished(heard="Hi.")
    )
    assert types(answers) == [
        "response.created",
        *OPENING,
        "output_audio_buffer.started",
        "response.output_audio_transcript.delta",
        *CLOSING,
        "output_audio_buffer.stopped",
    ]
    assert answers[4]["response_id"] == "resp_a"


def test_over_webrtc_an_interruption_clears_the_buffer_first() -> None:
    client = Client(WEBRTC)
    client.hear(STARTED, ReplyPlaying("resp_a"))
    answers = client.hear(finished("cancelled", "turn_detected"))
    assert types(answers) == ["output_audio_buffer.cleared", *CLOSING]


def test_over_webrtc_nothing_is_cleared_that_did_not_play() -> None:
    client = Client(WEBRTC)
    client.hear(STARTED, text("x"))
    assert types(client.hear(finished("cancelled"))) == CLOSING


def test_over_webrtc_clearing_the_buffer_stops_the_reply() -> None:
    client = Client(WEBRTC)
    assert client.send("output_audio_buffer.clear") == []
    client.hear(STARTED, ReplyPlaying("resp_a"))
    assert client.send("output_audio_buffer.clear") == []
    assert client.session.interruptions == 1
    assert client.send("response.cancel") == []
    assert client.session.interruptions == 1


def test_over_a_websocket_there_is_no_buffer_to_clear() -> None:
    client = Client()
    client.hear(STARTED)
    error = only_error(client.send("output_audio_buffer.clear", event_id="e"))
    assert "response.cancel" in error["message"]
    assert client.session.interruptions == 0


def test_over_webrtc_pulled_frames_are_no_events() -> None:
    client = Client(WEBRTC)
    client.hear(STARTED)
    assert play(client) == []
