"""Whatever clients send and sessions tell, in whatever order: what must hold of the server's events."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.protocol import ProtocolOptions
from sottovoce.realtime.response_traits import Transport
from tests.unit.realtime.client import Client
from tests.unit.realtime.mirror import Mirror

RESPONSES = st.sampled_from(["resp_a", "resp_b", "resp_2", "resp_3"])
ITEMS = st.sampled_from(["item_a", "item_b", "item_c"])
TEXTS = st.sampled_from(["", "one", "one two", "one two three", "other"])
CALLS = st.sampled_from(["item_f", "item_g"])
STATUSES = st.sampled_from(["completed", "cancelled", "incomplete", "failed"])
MILLISECONDS = st.integers(0, 10_000)

SESSION_EVENTS = st.one_of(
    st.builds(told.SpeechStarted, ITEMS, MILLISECONDS),
    st.builds(told.SpeechStopped, ITEMS, MILLISECONDS),
    st.builds(told.TurnCommitted, ITEMS),
    st.builds(told.Transcript, ITEMS, TEXTS, st.booleans()),
    st.builds(told.TranscriptionFailed, ITEMS, TEXTS),
    st.builds(
        told.ReplyStarted,
        RESPONSES,
        st.sampled_from(["item_x", "item_y", "item_z"]),
        st.sampled_from(["audio", "text"]),
    ),
    st.builds(told.ReplyText, RESPONSES, ITEMS, TEXTS),
    st.builds(told.ReplyPlaying, RESPONSES),
    st.builds(told.ReplyFinished, RESPONSES, ITEMS, STATUSES, st.none(), TEXTS, TEXTS, audio_ms=MILLISECONDS),
    st.builds(told.StateChanged, st.just("thinking")),
    st.builds(told.IdleTimedOut, ITEMS, MILLISECONDS, MILLISECONDS),
    st.builds(told.FunctionCalled, RESPONSES, CALLS, st.just("call_1"), st.just("f"), st.just("{}")),
    st.builds(PlayoutFrame, RESPONSES, ITEMS, st.just(b"\1\0")),
)


def _message(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return st.fixed_dictionaries(fields).map(json.dumps)


WRITTEN = st.fixed_dictionaries(
    {
        "type": st.just("message"),
        "role": st.just("user"),
        "id": st.sampled_from(["msg_1", "msg_2", "msg_3"]),
    }
)
CLIENT_MESSAGES = st.one_of(
    _message(type=st.just("response.create")),
    _message(
        type=st.just("response.create"),
        response=st.sampled_from(
            [
                {"conversation": "none"},
                {"input": [{"type": "item_reference", "id": "item_a"}]},
                {"input": [], "output_modalities": ["text"]},
            ]
        ),
    ),
    _message(type=st.just("response.cancel")),
    _message(type=st.just("response.cancel"), response_id=RESPONSES),
    _message(type=st.sampled_from(["input_audio_buffer.commit", "input_audio_buffer.clear"])),
    _message(type=st.just("output_audio_buffer.clear")),
    _message(type=st.just("input_audio_buffer.append"), audio=st.sampled_from(["", "AAA=", "AAAA", "?"])),
    _message(
        type=st.just("conversation.item.create"),
        item=WRITTEN,
        previous_item_id=st.sampled_from([None, "root", "msg_1", "item_a", "item_x"]),
    ),
    _message(
        type=st.sampled_from(["conversation.item.retrieve", "conversation.item.delete"]),
        item_id=st.sampled_from(["msg_1", "item_a", "item_x"]),
    ),
    _message(
        type=st.just("conversation.item.truncate"),
        item_id=st.sampled_from(["item_a", "item_x", "item_y"]),
        content_index=st.sampled_from([0, 1]),
        audio_end_ms=MILLISECONDS,
    ),
    _message(
        type=st.just("session.update"),
        session=st.sampled_from(
            [
                {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
                {"type": "realtime", "audio": {"input": {"transcription": None}}},
                {"type": "realtime", "audio": {"output": {"voice": "nobody"}}},
                {"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcma"}}}},
                {"type": "transcription"},
            ]
        ),
    ),
    st.text(max_size=40),
)
REFUSALS = st.just(InvalidRequestError("No.", code="busy"))


@settings(max_examples=200, deadline=None)
@given(
    transport=st.sampled_from(["websocket", "webrtc"]),
    has_extensions=st.booleans(),
    steps=st.lists(st.one_of(SESSION_EVENTS, CLIENT_MESSAGES, REFUSALS), max_size=40),
)
def test_any_sequence_leaves_a_legal_state(
    transport: Transport, has_extensions: bool, steps: list[Any]
) -> None:
    client = Client(ProtocolOptions(transport=transport, has_extensions=has_extensions))
    mirror = Mirror()
    given_items: set[str] = set()
    for step in steps:
        if isinstance(step, told.ReplyStarted | told.FunctionCalled):
            if step.item_id in given_items or step.response_id in mirror.ended:
                continue  # a session gives every reply and every call an id of its own
            given_items.add(step.item_id)
        for event in _apply(client, step):
            mirror.check(event)
        assert client.protocol.is_responding == bool(mirror.open)


def _apply(client: Client, step: Any) -> list[dict[str, Any]]:
    if isinstance(step, str):
        return client.send_raw(step)
    if isinstance(step, InvalidRequestError):
        client.session.refusal = step
        return []
    if isinstance(step, PlayoutFrame):
        return client.read(client.protocol.audio([step]))
    return client.hear(step)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_message_makes_it_raise(message: str | bytes) -> None:
    for event in Client().send_raw(message):
        assert event["type"] == "error"
