from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation.events import (
    FunctionCalled,
    ReplyFinished,
    ReplyPlaying,
    ReplyStarted,
    ReplyText,
    Transcript,
    TranscriptionFailed,
    TurnCommitted,
    Usage,
)
from sottovoce.conversation.history import FunctionCall, FunctionCallOutput, Message
from sottovoce.conversation.options import ClientTool, ReplyOptions, ToolNamed
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.protocol import ProtocolOptions
from sottovoce.realtime.reply_requests import MOST_TOKENS
from sottovoce.realtime.responses import MAX_BESIDE
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
    ((options, response_id),) = client.session.asked
    assert options == ReplyOptions(instructions="Sing.")
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


TOOL = {"type": "function", "name": "weather"}


def test_everything_that_a_response_may_set_reaches_the_session() -> None:
    client = Client()
    response = {
        "instructions": "Be brief.",
        "output_modalities": ["text"],
        "tools": [TOOL],
        "tool_choice": {"type": "function", "name": "weather"},
        "max_output_tokens": 20,
        "audio": {"output": {"voice": "coral"}},
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
    }
    assert client.send("response.create", response=response) == []
    ((options, response_id),) = client.session.asked
    assert options == ReplyOptions(
        instructions="Be brief.",
        modality="text",
        tools=(ClientTool("weather"),),
        tool_choice=ToolNamed("weather"),
        max_output_tokens=20,
        voice="coral",
    )
    (created,) = client.hear(ReplyStarted(response_id, "item_a", "text"))
    assert created["response"]["max_output_tokens"] == 20
    assert created["response"]["output_modalities"] == ["text"]
    assert created["response"]["audio"]["output"]["voice"] == "coral"


def test_what_a_response_does_not_set_is_the_sessions() -> None:
    client = Client()
    client.update(max_output_tokens=30, audio={"output": {"voice": "sage"}})
    client.send("response.create")
    ((options, response_id),) = client.session.asked
    assert options == ReplyOptions()
    (created,) = client.hear(ReplyStarted(response_id, "item_a"))
    assert created["response"]["max_output_tokens"] == 30
    assert created["response"]["audio"]["output"]["voice"] == "sage"


@pytest.mark.parametrize(("usual", "limit"), [("inf", None), (30, MOST_TOKENS)])
def test_a_response_may_lift_the_sessions_limit(usual: Any, limit: int | None) -> None:
    client = Client()
    client.update(max_output_tokens=usual)
    client.send("response.create", response={"max_output_tokens": "inf"})
    assert client.session.asked[0][0].max_output_tokens == limit
    (created,) = client.hear(ReplyStarted(client.session.asked[0][1], "item_a"))
    assert created["response"]["max_output_tokens"] == "inf"


@pytest.mark.parametrize(
    ("response", "param"),
    [
        ({"conversation": "other"}, "response.conversation"),
        ({"input": [{"type": "item_reference"}]}, "response.input.0.id"),
        ({"input": [{"type": "item_reference", "id": "item_x"}]}, "response.input.0.id"),
        ({"input": [{"type": "mcp_call"}]}, "response.input.0.type"),
        ({"input": [{"type": "item_reference", "id": "x"}] * 257}, "response.input"),
        ({"output_modalities": ["smell"]}, "response.output_modalities.0"),
        ({"tools": [{"type": "function"}]}, "response.tools.0.name"),
        ({"tools": [{"type": "mcp"}]}, "response.tools.0.type"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "response.tool_choice"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "response.metadata"),
        ({"max_output_tokens": 0}, "response.max_output_tokens"),
        ({"audio": {"output": {"voice": "nobody"}}}, "response.audio.output.voice"),
        ({"prompt": {"id": "pmpt_1"}}, "response.prompt"),
        ({"temperature": 1}, "response.temperature"),
    ],
)
def test_what_a_response_cannot_do_is_refused_by_name(response: dict[str, Any], param: str) -> None:
    client = Client()
    error = only_error(client.send("response.create", event_id="e", response=response))
    assert (error["param"], error["event_id"]) == (param, "e")
    assert client.session.asked == []


def test_a_response_may_be_given_a_history_of_its_own() -> None:
    client = Client()
    client.write("hello", "msg_1")
    client.hear(TurnCommitted("item_u"), Transcript("item_u", "good day", is_final=True))
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    client.send("conversation.item.create", item=call | {"id": "fc_1"})
    client.send(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": "c", "output": "1", "id": "fo_1"},
    )
    references = [{"type": "item_reference", "id": name} for name in ("item_u", "msg_1", "fc_1", "fo_1")]
    asked = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "And?"}],
        "id": "mine",
    }
    assert client.send("response.create", response={"input": [*references, asked]}) == []
    assert client.session.asked[0][0].history == (
        Message("item_u", "user", "good day"),
        Message("msg_1", "user", "hello"),
        FunctionCall("fc_1", "c", "f", "{}"),
        FunctionCallOutput("fo_1", "c", "1"),
        Message("mine", "user", "And?"),
    )
    assert len(client.session.messages) == 1
    client.send("response.create", response={"input": [], "conversation": "none"})
    assert client.session.asked[1][0].history == ()


def test_a_response_waits_for_the_words_that_it_is_to_read() -> None:
    client = Client()
    client.hear(TurnCommitted("item_u"), TurnCommitted("item_v"))
    reference = [{"type": "item_reference", "id": "item_u"}]
    client.send("response.create", response={"input": reference})
    client.hear(Transcript("item_u", "good", is_final=False), Transcript("item_v", "other", is_final=True))
    assert client.session.asked == []
    client.hear(Transcript("item_u", "good day", is_final=True))
    assert client.session.asked[0][0].history == (Message("item_u", "user", "good day"),)


def test_words_that_cannot_be_had_are_not_waited_for() -> None:
    client = Client()
    client.hear(TurnCommitted("item_u"))
    client.send("response.create", response={"input": [{"type": "item_reference", "id": "item_u"}]})
    client.hear(TranscriptionFailed("item_u", "The recogniser is gone."))
    assert client.session.asked[0][0].history == (Message("item_u", "user", ""),)


# -- beside the conversation


def beside(client: Client, **response: Any) -> str:
    assert client.send("response.create", response={"conversation": "none", **response}) == []
    return client.session.asked[-1][1]


def test_a_response_beside_the_conversation_stands_nowhere() -> None:
    client = Client()
    response_id = beside(client, metadata={"topic": "mood"}, output_modalities=["text"])
    assert client.session.asked[0][0].is_in_conversation is False
    answers = client.hear(
        ReplyStarted(response_id, "item_b", "text"),
        ReplyText(response_id, "item_b", "calm"),
        ReplyFinished(response_id, "item_b", "completed", heard="calm"),
    )
    assert types(answers) == [
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert answers[0]["response"]["conversation_id"] is None
    assert answers[0]["response"]["metadata"] == {"topic": "mood"}
    assert answers[-2]["response"]["output"][0]["content"] == [{"type": "output_text", "text": "calm"}]
    assert only_error(client.send("conversation.item.retrieve", item_id="item_b"))
    assert client.write("hi")[0]["previous_item_id"] is None


def test_several_responses_beside_an_active_one_are_kept_apart() -> None:
    client = Client()
    client.hear(STARTED, text("It is "))
    first, second = beside(client), beside(client)
    client.hear(ReplyStarted(first, "item_1", "text"), ReplyStarted(second, "item_2", "text"))
    answers = client.hear(
        ReplyText(second, "item_2", "two"), text("noon."), ReplyText(first, "item_1", "one")
    )
    deltas = {a["response_id"]: a["delta"] for a in answers if a["type"].endswith(".delta")}
    assert deltas == {second: "two", "resp_a": "noon.", first: "one"}
    client.hear(ReplyFinished(first, "item_1", "completed", heard="one"))
    assert client.protocol.is_responding
    ended = client.hear(
        finished(heard="It is noon."), ReplyFinished(second, "item_2", "completed", heard="two")
    )
    assert [a["response"]["id"] for a in ended if a["type"] == "response.done"] == ["resp_a", second]
    assert not client.protocol.is_responding


def test_responses_beside_the_conversation_are_bounded() -> None:
    client = Client()
    for number in range(MAX_BESIDE):
        response_id = beside(client)
        if number % 2:
            client.hear(ReplyStarted(response_id, f"item_{number}", "text"))
    error = only_error(client.send("response.create", response={"conversation": "none"}))
    assert error["code"] == "too_many_active_responses"
    client.hear(ReplyFinished(response_id, f"item_{number}", "completed"))
    beside(client)


def test_a_response_beside_the_conversation_is_cancelled_by_its_id() -> None:
    client = Client()
    response_id = beside(client)
    assert only_error(client.send("response.cancel"))["code"] == "response_cancel_not_active"
    client.hear(ReplyStarted(response_id, "item_b", "text"))
    assert client.send("response.cancel", response_id=response_id) == []
    assert client.session.interrupted == [response_id]
    assert client.hear(ReplyText(response_id, "item_b", "late")) == []
    answers = client.hear(ReplyFinished(response_id, "item_b", "cancelled", "client_cancelled"))
    assert types(answers) == ["response.done", "rate_limits.updated"]


# -- written replies


def test_a_written_reply_is_told_in_the_protocols_order() -> None:
    client = Client()
    answers = client.hear(
        ReplyStarted("resp_a", "item_a", "text"), text("It is "), text("noon."), finished(heard="It is noon.")
    )
    assert types(answers) == [
        "response.created",
        *OPENING,
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert answers[3]["part"] == {"type": "text", "text": ""}
    assert answers[6]["text"] == "It is noon."
    assert answers[7]["part"] == {"type": "text", "text": "It is noon."}
    assert answers[8]["item"]["content"] == [{"type": "output_text", "text": "It is noon."}]
    assert play(client) == []


def test_a_written_reply_that_is_cancelled_is_what_was_told_of_it() -> None:
    client = Client()
    client.hear(ReplyStarted("resp_a", "item_a", "text"), text("It is "))
    answers = client.hear(finished("cancelled", "client_cancelled", heard="", unheard="It is noon."))
    assert answers[0]["text"] == "It is "
    assert answers[-2]["response"]["output"][0]["status"] == "incomplete"


def test_a_reply_cut_at_its_limit_is_incomplete() -> None:
    client = Client()
    client.hear(STARTED, text("It is"))
    answers = client.hear(finished("incomplete", "max_output_tokens", heard="It is", audio_ms=400))
    response = answers[-2]["response"]
    assert response["status"] == "incomplete"
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"


# -- function calls

CALLED = FunctionCalled("resp_a", "item_f", "call_1", "weather", '{"city": "Oslo"}')


def test_a_function_call_is_told_in_the_protocols_order() -> None:
    client = Client()
    client.hear(TurnCommitted("item_u"))
    answers = client.hear(STARTED, CALLED, finished())
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
    begun = {
        "id": "item_f",
        "object": "realtime.item",
        "type": "function_call",
        "status": "in_progress",
        "call_id": "call_1",
        "name": "weather",
        "arguments": "",
    }
    done = begun | {"status": "completed", "arguments": '{"city": "Oslo"}'}
    assert answers[1]["item"] == answers[2]["item"] == begun
    assert answers[2]["previous_item_id"] == answers[5]["previous_item_id"] == "item_u"
    assert answers[3]["delta"] == answers[4]["arguments"] == '{"city": "Oslo"}'
    assert (answers[4]["call_id"], answers[4]["name"], answers[4]["item_id"]) == (
        "call_1",
        "weather",
        "item_f",
    )
    assert answers[5]["item"] == answers[6]["item"] == done
    assert answers[7]["response"]["output"] == [done]
    (retrieved,) = client.send("conversation.item.retrieve", item_id="item_f")
    assert retrieved["item"] == done


def test_words_and_several_calls_have_places_of_their_own_in_a_response() -> None:
    client = Client()
    other = FunctionCalled("resp_a", "item_g", "call_2", "time", "{}")
    answers = client.hear(STARTED, text("One moment."), CALLED, other, finished(heard="One moment."))
    places = {(a["item_id"], a["output_index"]) for a in answers if "item_id" in a and "output_index" in a}
    assert places == {("item_a", 0), ("item_f", 1), ("item_g", 2)}
    output = answers[-2]["response"]["output"]
    assert [item["id"] for item in output] == ["item_a", "item_f", "item_g"]


def test_a_call_of_a_cancelled_response_is_forgotten_on_both_sides() -> None:
    client = Client()
    client.session.history.append(FunctionCall("item_f", "call_1", "weather", "{}"))
    client.hear(STARTED, text("One"))
    client.send("response.cancel")
    assert client.hear(CALLED) == []
    assert client.session.history == []
    answers = client.hear(finished("cancelled", "client_cancelled", heard="One"))
    assert [item["id"] for item in answers[-2]["response"]["output"]] == ["item_a"]


def test_a_call_beside_the_conversation_is_no_item_of_it() -> None:
    client = Client()
    response_id = beside(client, tools=[TOOL])
    called = FunctionCalled(response_id, "item_f", "call_1", "weather", "{}")
    answers = client.hear(ReplyStarted(response_id, "item_b"), called)
    assert "conversation.item.added" not in types(answers)
    client.send("response.cancel", response_id=response_id)
    assert client.hear(called) == []


def test_a_call_of_an_unknown_response_is_dropped() -> None:
    assert Client().hear(CALLED) == []


# -- G.711


def test_sound_is_sent_in_the_format_that_was_asked_for() -> None:
    client = Client()
    client.update(audio={"output": {"format": {"type": "audio/pcmu"}}})
    answers = client.hear(STARTED)
    assert answers[0]["response"]["audio"]["output"]["format"] == {"type": "audio/pcmu"}
    answers = play(client, 50) + client.hear(text("Hi."), finished(heard="Hi.", audio_ms=1000))
    sound = b"".join(b64decode(a["delta"]) for a in answers if a["type"] == "response.output_audio.delta")
    assert len(sound) == pytest.approx(8000, abs=2)
    assert types(answers)[-8:] == ["response.output_audio.delta", *CLOSING]


def test_nothing_is_left_in_the_encoder_of_a_cancelled_response() -> None:
    client = Client()
    client.update(audio={"output": {"format": {"type": "audio/pcma"}}})
    client.hear(STARTED)
    play(client, 5)
    assert types(client.hear(finished("cancelled", "turn_detected", audio_ms=60))) == CLOSING
    client.hear(ReplyStarted("resp_b", "item_b"))
    play(client, 5, "resp_b")
    client.send("response.cancel")
    assert types(client.hear(ReplyFinished("resp_b", "item_b", "completed"))) == CLOSING


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
    assert client.session.interrupted == []


@pytest.mark.parametrize("fields", [{}, {"response_id": "resp_a"}])
def test_a_cancelled_response_says_nothing_more_but_its_end(fields: dict[str, str]) -> None:
    client = Client()
    client.hear(STARTED, text("It is "))
    assert client.send("response.cancel", **fields) == []
    assert client.send("response.cancel", **fields) == []
    assert client.session.interrupted == ["resp_a"]
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


def test_a_response_asked_for_while_a_cancelled_one_ends_is_begun_after_it() -> None:
    client = Client()
    client.hear(STARTED, text("It is "))
    client.send("response.cancel")
    assert client.send("response.create") == []
    assert client.send("response.create", event_id="second") == []
    assert only_error(client.send("response.create"))["code"] == "too_many_waiting_requests"
    assert client.session.asked == []
    (*_, error) = client.hear(finished("cancelled", "client_cancelled", heard="It is"))
    assert len(client.session.asked) == 1
    assert error["error"]["code"] == "conversation_already_has_active_response"
    assert error["error"]["event_id"] == "second"


def test_what_was_heard_of_a_response_cancelled_before_its_first_word_was_told_is_an_item() -> None:
    client = Client()
    client.hear(STARTED)
    client.send("response.cancel")
    client.hear(text("It is "))
    answers = client.hear(finished("cancelled", "client_cancelled", heard="It is", audio_ms=300))
    assert types(answers) == [*OPENING, *CLOSING]
    assert answers[-2]["response"]["output"][0]["content"] == [
        {"type": "output_audio", "transcript": "It is"}
    ]


def test_a_response_cancelled_before_it_began_is_interrupted_when_it_does() -> None:
    client = Client()
    client.send("response.create")
    response_id = client.session.asked[0][1]
    assert client.send("response.cancel") == []
    assert client.session.interrupted == [response_id]
    (created,) = client.hear(ReplyStarted(response_id, "item_a"))
    assert created["type"] == "response.created"
    assert client.session.interrupted == [response_id, response_id]
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
    answers = client.hear(
        text("It is noon."), finished("cancelled", "turn_detected", heard="It", audio_ms=120)
    )
    assert types(answers)[1:] == ["output_audio_buffer.cleared", *CLOSING, "conversation.item.truncated"]
    assert (answers[-1]["item_id"], answers[-1]["audio_end_ms"]) == ("item_a", 120)
    (retrieved,) = client.send("conversation.item.retrieve", item_id="item_a")
    assert retrieved["item"]["content"] == [{"type": "output_audio", "transcript": "It"}]


def test_over_webrtc_a_written_reply_is_not_truncated() -> None:
    client = Client(WEBRTC)
    client.hear(ReplyStarted("resp_a", "item_a", "text"), text("It"))
    assert "conversation.item.truncated" not in types(client.hear(finished("cancelled", "client_cancelled")))


def test_over_webrtc_nothing_is_cleared_that_did_not_play() -> None:
    client = Client(WEBRTC)
    client.hear(STARTED, text("x"))
    assert types(client.hear(finished("cancelled"))) == [*CLOSING, "conversation.item.truncated"]


def test_over_webrtc_clearing_the_buffer_stops_the_reply() -> None:
    client = Client(WEBRTC)
    assert client.send("output_audio_buffer.clear") == []
    client.hear(STARTED, ReplyPlaying("resp_a"))
    assert client.send("output_audio_buffer.clear") == []
    assert client.session.interrupted == ["resp_a"]
    assert client.send("response.cancel") == []
    assert client.session.interrupted == ["resp_a"]


def test_over_a_websocket_there_is_no_buffer_to_clear() -> None:
    client = Client()
    client.hear(STARTED)
    error = only_error(client.send("output_audio_buffer.clear", event_id="e"))
    assert "response.cancel" in error["message"]
    assert client.session.interrupted == []


def test_over_webrtc_pulled_frames_are_no_events() -> None:
    client = Client(WEBRTC)
    client.hear(STARTED)
    assert play(client) == []
