from __future__ import annotations

from typing import Any

import pytest

from sottovoce.conversation.events import ReplyFinished, ReplyStarted, ReplyText, TurnCommitted
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.items import MAX_ITEMS
from sottovoce.realtime.requests import TRUNCATE_TOLERANCE_MS
from tests.unit.realtime.client import Client, only_error, types


def test_a_created_item_reaches_the_session_and_is_told_twice() -> None:
    client = Client()
    answers = client.write("What time is it?", "msg_1")
    assert types(answers) == ["conversation.item.added", "conversation.item.done"]
    for answer in answers:
        assert answer["previous_item_id"] is None
        assert answer["item"] == {
            "id": "msg_1",
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "What time is it?"}],
        }
    assert client.session.messages == [("user", "What time is it?", "msg_1")]


def test_an_item_without_an_id_gets_one() -> None:
    client = Client()
    (added, _) = client.write("hi")
    assert added["item"]["id"].startswith("item_")
    assert client.session.messages == [("user", "hi", added["item"]["id"])]


@pytest.mark.parametrize(
    ("role", "kind"), [("system", "input_text"), ("user", "input_text"), ("assistant", "output_text")]
)
def test_each_role_may_write(role: str, kind: str) -> None:
    client = Client()
    item = {
        "type": "message",
        "role": role,
        "content": [{"type": kind, "text": "a"}, {"type": kind, "text": "b"}],
    }
    (added, _) = client.send("conversation.item.create", item=item)
    assert added["item"]["content"] == [{"type": kind, "text": "a\nb"}]
    assert client.session.messages[0][:2] == (role, "a\nb")


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "function_call_output", "call_id": "c", "output": "1"}, "item.type"),
        ({"type": "message", "role": "user", "content": []}, "item.content"),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA"}]},
            "item.content.0.type",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "data:"}]},
            "item.content.0.type",
        ),
        ({"type": "message", "role": "user", "content": [{"type": "output_text", "text": "x"}]}, "item"),
        ({"type": "message", "role": "tool", "content": [{"type": "input_text", "text": "x"}]}, "item.role"),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x" * 32_769}]},
            "item.content.0.text",
        ),
        (
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}] * 17},
            "item.content",
        ),
    ],
)
def test_items_that_are_not_supported_are_refused_by_name(item: dict[str, Any], param: str) -> None:
    client = Client()
    error = only_error(client.send("conversation.item.create", event_id="e", item=item))
    assert (error["param"], error["event_id"]) == (param, "e")
    assert client.session.messages == []


def test_a_taken_id_is_refused() -> None:
    client = Client()
    client.write("a", "msg_1")
    error = only_error(client.write("b", "msg_1", event_id="e"))
    assert error["code"] == "item_create_duplicate_item_id"
    assert error["event_id"] == "e"
    assert len(client.session.messages) == 1


def test_an_item_may_be_put_where_the_conversation_ends_and_nowhere_else() -> None:
    client = Client()
    client.write("a", "msg_1", previous_item_id="root")
    (added, _) = client.write("b", "msg_2", previous_item_id="msg_1")
    assert added["previous_item_id"] == "msg_1"
    for elsewhere, code in (
        ("root", "invalid_value"),
        ("msg_1", "invalid_value"),
        ("msg_9", "item_create_invalid_previous_item_id"),
    ):
        error = only_error(client.write("c", "msg_3", previous_item_id=elsewhere))
        assert (error["param"], error["code"]) == ("previous_item_id", code)
    assert len(client.session.messages) == 2


def test_a_message_that_the_session_refuses_is_no_item() -> None:
    client = Client()
    client.session.refusal = InvalidRequestError("Not now.", code="busy")
    assert only_error(client.write("a", "msg_1", event_id="e"))["code"] == "busy"
    assert types(client.write("a", "msg_1")) == ["conversation.item.added", "conversation.item.done"]


def test_a_client_cannot_hoard_items_and_spoken_turns_push_out_the_oldest() -> None:
    client = Client()
    for number in range(MAX_ITEMS):
        client.write("x", f"msg_{number}")
    assert only_error(client.write("x"))["code"] == "item_create_limit_reached"
    answers = client.hear(TurnCommitted("item_a"))
    assert answers[0]["previous_item_id"] == f"msg_{MAX_ITEMS - 1}"
    error = only_error(client.send("conversation.item.retrieve", item_id="msg_0"))
    assert error["code"] == "item_retrieve_invalid_item_id"
    assert types(client.send("conversation.item.retrieve", item_id="msg_1")) == [
        "conversation.item.retrieved"
    ]


@pytest.mark.parametrize("verb", ["retrieve", "delete", "truncate"])
def test_an_unknown_item_is_named(verb: str) -> None:
    more = {"content_index": 0, "audio_end_ms": 0} if verb == "truncate" else {}
    error = only_error(
        Client().send(f"conversation.item.{verb}", event_id=f"rci_{verb}", item_id="item_x", **more)
    )
    assert error["code"] == f"item_{verb}_invalid_item_id"
    assert error["param"] == "item_id"
    assert error["event_id"] == f"rci_{verb}"


def test_deletion_is_refused_and_the_item_stays() -> None:
    client = Client()
    client.write("a", "msg_1")
    assert (
        "cannot be deleted yet"
        in only_error(client.send("conversation.item.delete", item_id="msg_1"))["message"]
    )
    assert types(client.send("conversation.item.retrieve", item_id="msg_1")) == [
        "conversation.item.retrieved"
    ]


# -- truncate


def truncate(
    client: Client, audio_end_ms: float, item_id: str = "item_a", index: int = 0
) -> list[dict[str, Any]]:
    return client.send(
        "conversation.item.truncate", item_id=item_id, content_index=index, audio_end_ms=audio_end_ms
    )


def replied(status: Any = "completed", audio_ms: int = 4000) -> Client:
    client = Client()
    client.hear(
        ReplyStarted("resp_1", "item_a"),
        ReplyText("resp_1", "item_a", "one two"),
        ReplyFinished("resp_1", "item_a", status, heard="one two", audio_ms=audio_ms),
    )
    return client


def test_an_interrupted_reply_is_truncated_to_what_was_played() -> None:
    (answer,) = truncate(replied("cancelled", 1300), 1250.5)
    assert answer["type"] == "conversation.item.truncated"
    assert (answer["item_id"], answer["content_index"], answer["audio_end_ms"]) == ("item_a", 0, 1300)


def test_a_cut_beyond_the_end_is_clamped() -> None:
    assert truncate(replied(), 99_999)[0]["audio_end_ms"] == 4000
    assert truncate(replied(), 4000 - TRUNCATE_TOLERANCE_MS)[0]["audio_end_ms"] == 4000


def test_a_reply_that_was_played_whole_cannot_be_cut() -> None:
    error = only_error(truncate(replied(), 4000 - TRUNCATE_TOLERANCE_MS - 1))
    assert error["param"] == "audio_end_ms"
    assert "4000 ms" in error["message"]


def test_a_cut_of_a_reply_being_given_is_answered_when_it_ends() -> None:
    client = Client()
    client.hear(ReplyStarted("resp_1", "item_a"), ReplyText("resp_1", "item_a", "one"))
    assert truncate(client, 200) == []
    answers = client.hear(
        ReplyFinished("resp_1", "item_a", "cancelled", "turn_detected", heard="one", audio_ms=240)
    )
    assert types(answers)[-3:] == ["response.done", "rate_limits.updated", "conversation.item.truncated"]
    assert answers[-1]["audio_end_ms"] == 240


def test_a_cut_that_turns_out_impossible_is_refused_when_the_reply_ends() -> None:
    client = Client()
    client.hear(ReplyStarted("resp_1", "item_a"), ReplyText("resp_1", "item_a", "one"))
    truncate(client, 200)
    answers = client.hear(ReplyFinished("resp_1", "item_a", "completed", heard="one", audio_ms=2000))
    assert types(answers)[-2:] == ["rate_limits.updated", "error"]


def test_only_spoken_answers_can_be_cut_and_only_in_their_one_part() -> None:
    client = replied()
    client.write("hi", "msg_1")
    assert only_error(truncate(client, 0, "msg_1"))["code"] == "item_truncate_invalid_item_id"
    assert only_error(truncate(client, 0, index=1))["param"] == "content_index"
