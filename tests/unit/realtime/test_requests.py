from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from sottovoce.audio import g711
from sottovoce.conversation.events import (
    ReplyFinished,
    ReplyStarted,
    ReplyText,
    Transcript,
    TranscriptionFailed,
    TurnCommitted,
)
from sottovoce.conversation.history import FunctionCall, FunctionCallOutput, Message, SpokenMessage
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime import deferred, input_audio, items
from tests.unit.realtime.client import Client, only_error, types

SOUND = b"\1\0" * 4800
TOLD = ["conversation.item.added", "conversation.item.done"]


def create(client: Client, item: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    return client.send("conversation.item.create", item=item, **fields)


def message(*content: dict[str, Any], role: str = "user", **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(content), **fields}


def spoken(audio: bytes = SOUND, **fields: Any) -> dict[str, Any]:
    return {"type": "input_audio", "audio": b64encode(audio).decode(), **fields}


def written(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}


def order(client: Client) -> list[str]:
    return [item.item_id for item in client.session.history]


# -- create


def test_a_created_item_reaches_the_session_and_is_told_twice() -> None:
    client = Client()
    answers = client.write("What time is it?", "msg_1")
    assert types(answers) == TOLD
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
    content = [{"type": kind, "text": "a"}, {"type": kind, "text": "b"}]
    (added, _) = create(client, message(*content, role=role))
    assert added["item"]["content"] == content
    assert client.session.messages[0][:2] == (role, "a\nb")


def test_a_function_call_and_its_output_join_the_history() -> None:
    client = Client()
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "id": "fo_1", "call_id": "call_1", "output": "42"}
    (added, _) = create(client, call)
    assert added["item"] == call | {"object": "realtime.item", "status": "completed"}
    (added, done) = create(client, output)
    assert added["item"] == output | {"object": "realtime.item", "status": "completed"}
    assert done["previous_item_id"] == "fc_1"
    assert client.session.history == [
        FunctionCall("fc_1", "call_1", "f", "{}"),
        FunctionCallOutput("fo_1", "call_1", "42"),
    ]


def test_a_function_call_without_a_call_id_gets_one() -> None:
    (added, _) = create(Client(), {"type": "function_call", "name": "f", "arguments": ""})
    assert added["item"]["call_id"].startswith("call_")


def test_what_was_said_in_the_past_is_its_transcript() -> None:
    client = Client()
    (added, _) = create(client, message({"type": "output_audio", "transcript": "Noon."}, role="assistant"))
    assert added["item"]["content"] == [{"type": "output_audio", "transcript": "Noon."}]
    (added, _) = create(client, message({"type": "input_audio", "audio": None, "transcript": "when?"}))
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": "when?"}]
    (added, _) = create(client, message({"type": "input_audio"}))
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert [item[:2] for item in client.session.messages] == [
        ("assistant", "Noon."),
        ("user", "when?"),
        ("user", ""),
    ]


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "function_call_output", "output": "1"}, "item.call_id"),
        ({"type": "function_call", "name": "f"}, "item.arguments"),
        ({"type": "function_call_output", "call_id": "c", "output": "x" * 262_145}, "item.output"),
        ({"type": "mcp_approval_response", "approval_request_id": "a", "approve": True}, "item.type"),
        ({"type": "item_reference", "id": "x"}, "item.type"),
        ({"type": "dream"}, "item.type"),
        (message(), "item.content"),
        (message({"type": "input_image", "image_url": "data:"}), "item.content.0.type"),
        (message({"type": "smell"}), "item.content.0.type"),
        (message({"type": "input_audio", "audio": "?"}), "item.content.0.audio"),
        (message({"type": "input_audio", "audio": ""}), "item.content.0.audio"),
        (message(written("x"), {"type": "input_audio", "audio": "AA=="}), "item.content.1.audio"),
        (message({"type": "output_audio"}, role="assistant"), "item.content.0.transcript"),
        (message({"type": "output_text", "text": "x"}), "item"),
        (message(written("x"), role="tool"), "item.role"),
        (message(written("x" * 32_769)), "item.content.0.text"),
        (message(*[written("x")] * 17), "item.content"),
    ],
)
def test_items_that_are_not_to_be_had_are_refused_by_name(item: dict[str, Any], param: str) -> None:
    client = Client()
    error = only_error(create(client, item, event_id="e"))
    assert (error["param"], error["event_id"]) == (param, "e")
    assert client.session.history == []


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (message({"type": "input_image", "image_url": "data:"}), "sees no images"),
        ({"type": "mcp_call", "server_label": "x"}, "MCP"),
    ],
)
def test_the_error_says_why(item: dict[str, Any], words: str) -> None:
    assert words in only_error(create(Client(), item))["message"]


def test_a_taken_id_is_refused() -> None:
    client = Client()
    client.write("a", "msg_1")
    error = only_error(client.write("b", "msg_1", event_id="e"))
    assert error["code"] == "item_create_duplicate_item_id"
    assert error["event_id"] == "e"
    assert len(client.session.messages) == 1


def test_an_item_may_be_put_anywhere_and_names_its_real_predecessor() -> None:
    client = Client()
    client.write("b", "msg_b")
    client.write("d", "msg_d", previous_item_id="msg_b")
    (added, done) = client.write("a", "msg_a", previous_item_id="root")
    assert added["previous_item_id"] is None
    assert done["previous_item_id"] is None
    (added, _) = client.write("c", "msg_c", previous_item_id="msg_b")
    assert added["previous_item_id"] == "msg_b"
    (added, _) = client.write("e", "msg_e")
    assert added["previous_item_id"] == "msg_d"
    assert order(client) == ["msg_a", "msg_b", "msg_c", "msg_d", "msg_e"]


def test_a_predecessor_that_is_not_there_is_refused() -> None:
    client = Client()
    error = only_error(client.write("c", previous_item_id="msg_9"))
    assert (error["param"], error["code"]) == ("previous_item_id", "item_create_invalid_previous_item_id")
    assert client.session.history == []


def test_a_message_that_the_session_refuses_is_no_item() -> None:
    client = Client()
    client.session.refusal = InvalidRequestError("Not now.", code="busy")
    assert only_error(client.write("a", "msg_1", event_id="e"))["code"] == "busy"
    assert types(client.write("a", "msg_1")) == TOLD


# -- recordings


def test_a_recording_is_transcribed_and_its_words_are_told() -> None:
    client = Client()
    (added, _) = create(client, message(spoken(transcript="guessed"), id="msg_1"))
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    (recording,) = client.session.history
    assert isinstance(recording, SpokenMessage)
    assert (recording.audio.samples, recording.audio.sample_rate) == (SOUND, 24_000)
    (completed,) = client.hear(Transcript("msg_1", "recognised", is_final=True))
    assert (completed["item_id"], completed["content_index"]) == ("msg_1", 0)
    assert completed["transcript"] == "recognised"
    assert completed["usage"] == {"type": "duration", "seconds": 0.2}
    (retrieved,) = client.send("conversation.item.retrieve", item_id="msg_1")
    assert retrieved["item"]["content"] == [{"type": "input_audio", "transcript": "recognised"}]


def test_sound_and_text_may_be_mixed_in_one_message() -> None:
    client = Client()
    item = message(
        written("Translate"), written("this:"), spoken(), written("and this:"), spoken(), id="msg_1"
    )
    create(client, item)
    before, first, between, second = client.session.history
    assert before == Message("msg_1", "user", "Translate\nthis:")
    assert isinstance(between, Message)
    assert between.text == "and this:"
    (completed,) = client.hear(Transcript(second.item_id, "zwei", is_final=True))
    assert (completed["item_id"], completed["content_index"]) == ("msg_1", 4)
    assert client.hear(Transcript(first.item_id, "ei", is_final=False)) == []
    (completed,) = client.hear(Transcript(first.item_id, "eins", is_final=True))
    assert completed["content_index"] == 2
    (retrieved,) = client.send("conversation.item.retrieve", item_id="msg_1")
    assert [part.get("transcript") for part in retrieved["item"]["content"]] == [
        None,
        None,
        "eins",
        None,
        "zwei",
    ]
    client.write("last", "msg_2", previous_item_id="msg_1")
    assert order(client)[-2:] == [second.item_id, "msg_2"]
    client.send("conversation.item.delete", item_id="msg_1")
    assert order(client) == ["msg_2"]


def test_a_message_of_which_the_session_refuses_a_part_is_no_item_at_all() -> None:
    client = Client()
    add = client.session.add_item

    def refuse_sound(item: Any, after: str | None = None) -> None:
        if isinstance(item, SpokenMessage):
            raise InvalidRequestError("No recogniser.", code="busy")
        add(item, after)

    client.session.add_item = refuse_sound  # type: ignore[method-assign]
    assert only_error(create(client, message(written("Hear:"), spoken(), id="msg_1")))["code"] == "busy"
    assert client.session.history == []
    assert types(client.write("a", "msg_1")) == TOLD


def test_a_recording_is_in_the_sessions_format() -> None:
    client = Client()
    client.update(audio={"input": {"format": {"type": "audio/pcma"}}})
    create(client, message(spoken(b"\xd5" * 800)))
    (recording,) = client.session.history
    assert isinstance(recording, SpokenMessage)
    assert recording.audio.sample_rate == 8000
    assert recording.audio.samples == g711.expand(b"\xd5" * 800, "alaw")


def test_a_recording_that_cannot_be_transcribed_is_told() -> None:
    client = Client()
    create(client, message(written("Hear:"), spoken(), id="msg_1"))
    piece = client.session.history[1].item_id
    (failed,) = client.hear(TranscriptionFailed(piece, "The recogniser is gone."))
    assert (failed["item_id"], failed["content_index"]) == ("msg_1", 1)
    assert client.hear(Transcript(piece, "", is_final=True)) == []


def test_recordings_that_wait_for_their_transcript_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sottovoce.realtime.requests.MAX_BUFFERED", 0.5)
    client = Client()
    for name in ("msg_1", "msg_2"):
        create(client, message(spoken(), id=name))
    error = only_error(create(client, message(spoken(), id="msg_3")))
    assert error["param"] == "item.content"
    client.hear(Transcript("msg_1", "x", is_final=True))
    assert types(create(client, message(spoken(), id="msg_3"))) == TOLD


def test_the_limits_hold_a_recording_of_the_largest_size() -> None:
    assert input_audio.MAX_BUFFERED * 48_000 > 15 << 20


# -- the conversation's limits


def fill(client: Client, count: int) -> None:
    for number in range(count):
        client.write("x", f"msg_{number}")


def test_a_full_conversation_forgets_its_oldest_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_ITEMS", 4)
    client = Client()
    fill(client, 4)
    answers = client.write("y", "msg_4")
    assert types(answers) == ["conversation.item.deleted", *TOLD]
    assert answers[0]["item_id"] == "msg_0"
    assert answers[1]["previous_item_id"] == "msg_3"
    assert order(client) == ["msg_1", "msg_2", "msg_3", "msg_4"]
    answers = client.hear(TurnCommitted("item_a"))
    assert answers[0]["item_id"] == "msg_1"
    assert answers[1]["previous_item_id"] == "msg_4"
    assert "msg_1" not in order(client)


def test_much_text_fills_a_conversation_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_CHARACTERS", 100)
    client = Client()
    client.write("x" * 60, "msg_1")
    assert types(client.write("x" * 60, "msg_2")) == TOLD
    assert client.write("x", "msg_3")[0]["item_id"] == "msg_1"
    assert order(client) == ["msg_2", "msg_3"]


def test_a_client_may_have_more_forgotten_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_ITEMS", 4)
    client = Client()
    client.update(truncation={"type": "retention_ratio", "retention_ratio": 0.5})
    fill(client, 4)
    assert types(client.write("y", "msg_4"))[:2] == ["conversation.item.deleted"] * 2
    assert order(client) == ["msg_2", "msg_3", "msg_4"]


def test_an_answer_that_is_being_given_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_ITEMS", 2)
    client = Client()
    client.hear(ReplyStarted("resp_1", "item_a"), ReplyText("resp_1", "item_a", "one"))
    client.write("x", "msg_1")
    assert client.write("y", "msg_2")[0]["item_id"] == "msg_1"


# -- retrieve and delete


@pytest.mark.parametrize("verb", ["retrieve", "delete", "truncate"])
def test_an_unknown_item_is_named(verb: str) -> None:
    more = {"content_index": 0, "audio_end_ms": 0} if verb == "truncate" else {}
    error = only_error(
        Client().send(f"conversation.item.{verb}", event_id=f"rci_{verb}", item_id="item_x", **more)
    )
    assert error["code"] == f"item_{verb}_invalid_item_id"
    assert error["param"] == "item_id"
    assert error["event_id"] == f"rci_{verb}"


def test_a_deleted_item_is_gone_and_its_id_is_free_again() -> None:
    client = Client()
    fill(client, 3)
    (answer,) = client.send("conversation.item.delete", item_id="msg_1")
    assert (answer["type"], answer["item_id"]) == ("conversation.item.deleted", "msg_1")
    assert order(client) == ["msg_0", "msg_2"]
    assert only_error(client.send("conversation.item.retrieve", item_id="msg_1"))
    (added, _) = client.write("new", "msg_1", previous_item_id="msg_0")
    assert added["previous_item_id"] == "msg_0"
    assert order(client) == ["msg_0", "msg_1", "msg_2"]
    client.send("conversation.item.delete", item_id="msg_0")
    client.send("conversation.item.delete", item_id="msg_2")
    (added, _) = client.write("after", "msg_3")
    assert added["previous_item_id"] == "msg_1"


def test_a_turn_deleted_before_its_words_came_stays_deleted() -> None:
    client = Client()
    client.hear(TurnCommitted("item_a"))
    client.send("conversation.item.delete", item_id="item_a")
    assert client.hear(Transcript("item_a", "late", is_final=True)) == []
    assert only_error(client.send("conversation.item.retrieve", item_id="item_a"))


def test_an_answer_being_given_is_deleted_when_it_ends() -> None:
    client = Client()
    client.hear(ReplyStarted("resp_1", "item_a"), ReplyText("resp_1", "item_a", "one"))
    assert client.send("conversation.item.delete", item_id="item_a") == []
    assert client.send("conversation.item.delete", item_id="item_a", event_id="again") == []
    answers = client.hear(ReplyFinished("resp_1", "item_a", "cancelled", "client_cancelled"))
    assert types(answers)[-3:] == ["rate_limits.updated", "conversation.item.deleted", "error"]
    assert answers[-1]["error"]["event_id"] == "again"


def test_what_waits_for_a_reply_to_end_is_bounded() -> None:
    client = Client()
    client.hear(ReplyStarted("resp_1", "item_a"), ReplyText("resp_1", "item_a", "one"))
    for _ in range(deferred.MAX_WAITING):
        assert truncate(client, 10) == []
    assert only_error(truncate(client, 10))["code"] == "too_many_waiting_requests"
    answers = client.hear(ReplyFinished("resp_1", "item_a", "completed", heard="one", audio_ms=400))
    assert types(answers).count("conversation.item.truncated") == deferred.MAX_WAITING


# -- truncate


def truncate(
    client: Client, audio_end_ms: float, item_id: str = "item_a", index: int = 0
) -> list[dict[str, Any]]:
    return client.send(
        "conversation.item.truncate", item_id=item_id, content_index=index, audio_end_ms=audio_end_ms
    )


def replied(status: Any = "completed", audio_ms: int = 4000, modality: Any = "audio") -> Client:
    client = Client()
    client.hear(
        ReplyStarted("resp_1", "item_a", modality),
        ReplyText("resp_1", "item_a", "one two"),
        ReplyFinished("resp_1", "item_a", status, heard="one two", audio_ms=audio_ms),
    )
    return client


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_reply_that_has_ended_is_cut_to_what_was_heard(status: Any) -> None:
    client = replied(status)
    (answer,) = truncate(client, 1250.5)
    assert answer["type"] == "conversation.item.truncated"
    assert (answer["item_id"], answer["content_index"], answer["audio_end_ms"]) == ("item_a", 0, 1250)
    assert client.session.truncated == [("item_a", 1250)]
    (retrieved,) = client.send("conversation.item.retrieve", item_id="item_a")
    assert retrieved["item"]["content"] == [{"type": "output_audio", "transcript": "what was heard"}]
    assert retrieved["item"]["status"] == "incomplete"
    assert truncate(client, 3000)[0]["audio_end_ms"] == 1250


def test_a_cut_beyond_the_end_is_clamped() -> None:
    client = replied()
    assert truncate(client, 99_999)[0]["audio_end_ms"] == 4000
    assert client.session.truncated == []


def test_a_cut_of_a_reply_being_given_is_answered_when_it_ends() -> None:
    client = Client()
    client.hear(ReplyStarted("resp_1", "item_a"), ReplyText("resp_1", "item_a", "one"))
    assert truncate(client, 200) == []
    answers = client.hear(
        ReplyFinished("resp_1", "item_a", "cancelled", "turn_detected", heard="one", audio_ms=140)
    )
    assert types(answers)[-3:] == ["response.done", "rate_limits.updated", "conversation.item.truncated"]
    assert answers[-1]["audio_end_ms"] == 140


def test_only_spoken_answers_can_be_cut_and_only_in_their_one_part() -> None:
    client = replied()
    client.write("hi", "msg_1")
    assert only_error(truncate(client, 0, "msg_1"))["code"] == "item_truncate_invalid_item_id"
    assert only_error(truncate(client, 0, index=1))["param"] == "content_index"
    assert only_error(truncate(replied(modality="text"), 0))["code"] == "item_truncate_invalid_item_id"


def test_a_cut_that_the_session_refuses_changes_nothing() -> None:
    client = replied()
    client.session.refusal = InvalidRequestError("No.", code="busy")
    assert only_error(truncate(client, 100))["code"] == "busy"
    assert truncate(client, 99_999)[0]["audio_end_ms"] == 4000
