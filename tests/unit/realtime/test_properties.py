"""Whatever clients send and sessions tell, in whatever order: what must hold of the server's events."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.protocol import ProtocolOptions, Transport
from tests.unit.realtime.client import Client

RESPONSES = st.sampled_from(["resp_a", "resp_b", "resp_2", "resp_3"])
ITEMS = st.sampled_from(["item_a", "item_b", "item_c"])
TEXTS = st.sampled_from(["", "one", "one two", "one two three", "other"])
STATUSES = st.sampled_from(["completed", "cancelled", "failed"])
MILLISECONDS = st.integers(0, 10_000)

SESSION_EVENTS = st.one_of(
    st.builds(told.SpeechStarted, ITEMS, MILLISECONDS),
    st.builds(told.SpeechStopped, ITEMS, MILLISECONDS),
    st.builds(told.TurnCommitted, ITEMS),
    st.builds(told.Transcript, ITEMS, TEXTS, st.booleans()),
    st.builds(told.TranscriptionFailed, ITEMS, TEXTS),
    st.builds(told.ReplyStarted, RESPONSES, st.sampled_from(["item_x", "item_y", "item_z"])),
    st.builds(told.ReplyText, RESPONSES, ITEMS, TEXTS),
    st.builds(told.ReplyPlaying, RESPONSES),
    st.builds(told.ReplyFinished, RESPONSES, ITEMS, STATUSES, st.none(), TEXTS, TEXTS, audio_ms=MILLISECONDS),
    st.builds(told.StateChanged, st.just("thinking")),
    st.builds(PlayoutFrame, RESPONSES, ITEMS, st.just(b"\1\0")),
)


def _message(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return st.fixed_dictionaries(fields).map(json.dumps)


WRITTEN = st.fixed_dictionaries(
    {
        "type": st.just("message"),
        "role": st.just("user"),
        "content": st.just([{"type": "input_text", "text": "hi"}]),
        "id": st.sampled_from(["msg_1", "msg_2", "msg_3"]),
    }
)
CLIENT_MESSAGES = st.one_of(
    _message(type=st.just("response.create")),
    _message(type=st.just("response.cancel")),
    _message(type=st.sampled_from(["input_audio_buffer.commit", "input_audio_buffer.clear"])),
    _message(type=st.just("output_audio_buffer.clear")),
    _message(type=st.just("input_audio_buffer.append"), audio=st.sampled_from(["", "AAA=", "AAAA", "?"])),
    _message(type=st.just("conversation.item.create"), item=WRITTEN),
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
            ]
        ),
    ),
    st.text(max_size=40),
)
REFUSALS = st.just(InvalidRequestError("No.", code="busy"))


class Invariants:
    def __init__(self) -> None:
        self.event_ids: set[str] = set()
        self.items: list[str] = []
        self.open: str | None = None
        self.cancelled: str | None = None

    def check(self, event: dict[str, Any]) -> None:
        assert event["event_id"] not in self.event_ids
        self.event_ids.add(event["event_id"])
        if event["type"] == "response.created":
            assert self.open is None, "two responses at once"
            self.open = event["response"]["id"]
        elif event["type"] == "response.done":
            assert event["response"]["id"] == self.open, "an end without a beginning"
            assert event["response"]["usage"] is not None
            self.open = None
        elif event["type"].startswith("response."):
            assert event["response_id"] == self.open, "an event outside its response"
            assert not (event["type"].endswith(".delta") and self.open == self.cancelled)
        elif event["type"] == "conversation.item.added":
            assert event["item"]["id"] not in self.items
            assert event["previous_item_id"] == (self.items[-1] if self.items else None)
            self.items.append(event["item"]["id"])
        elif event["type"] == "conversation.item.done":
            position = self.items.index(event["item"]["id"])
            assert event["previous_item_id"] == (self.items[position - 1] if position else None)


@settings(max_examples=300, deadline=None)
@given(
    transport=st.sampled_from(["websocket", "webrtc"]),
    has_extensions=st.booleans(),
    steps=st.lists(st.one_of(SESSION_EVENTS, CLIENT_MESSAGES, REFUSALS), max_size=40),
)
def test_any_sequence_leaves_a_legal_state(
    transport: Transport, has_extensions: bool, steps: list[Any]
) -> None:
    client = Client(ProtocolOptions(transport=transport, has_extensions=has_extensions))
    invariants = Invariants()
    replied: set[str] = set()
    for step in steps:
        if isinstance(step, told.ReplyStarted):
            if step.item_id in replied:  # a session gives every reply an item of its own
                continue
            replied.add(step.item_id)
        for event in _apply(client, step):
            invariants.check(event)
        if isinstance(step, str) and '"response.cancel"' in step:
            invariants.cancelled = invariants.open
        assert client.protocol.is_responding == (invariants.open is not None)


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
