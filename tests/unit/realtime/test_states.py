"""A session that keeps its promises and a client that may do anything: what the client is told stays true."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation import events as told
from sottovoce.conversation.history import Message, SpokenMessage
from sottovoce.realtime.protocol import ProtocolOptions
from tests.unit.realtime.client import Client
from tests.unit.realtime.mirror import Mirror

IDS = st.sampled_from(["msg_1", "msg_2", "msg_3", "msg_4"])
TOOL = {"type": "function", "name": "f"}
UPDATES = st.sampled_from(
    [
        {"audio": {"input": {"turn_detection": None}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}}},
        {"audio": {"input": {"transcription": None}}},
        {"audio": {"input": {"transcription": {"language": "de"}}}},
        {"audio": {"output": {"format": {"type": "audio/pcmu"}}}},
        {"output_modalities": ["text"]},
        {"tools": [TOOL], "tool_choice": {"type": "function", "name": "f"}},
        {"tools": [], "tool_choice": "auto"},
    ]
)
RESPONSES = st.sampled_from(
    [
        {},
        {},
        {},
        {"conversation": "none", "metadata": {"a": "b"}},
        {"conversation": "none", "input": [], "output_modalities": ["text"]},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"tools": [TOOL], "tool_choice": "required", "max_output_tokens": 5},
    ]
)
SOUND = b64encode(b"\1\0" * 480).decode()


@dataclass
class Reply:
    """One that the session gives."""

    response_id: str
    item_id: str
    modality: Any
    is_in_conversation: bool
    said: str = ""
    played_ms: int = 0
    calls: int = 0


class Conversations(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Reply] = []
        self.turns: list[str] = []
        self.committed: list[str] = []
        self.doomed: set[str] = set()
        self.taken = 0
        self.number = 0

    @initialize(transport=st.sampled_from(["websocket", "webrtc"]), is_extended=st.booleans())
    def connect(self, transport: Any, is_extended: bool) -> None:
        self.client = Client(ProtocolOptions(transport=transport, has_extensions=is_extended))
        self.has_events_only = transport == "websocket"
        self.mirror = Mirror()
        self.check([self.client.open()])

    def check(self, events: list[dict[str, Any]]) -> bool:
        """False where the answer is an error."""
        for event in events:
            self.mirror.check(event)
        return not any(event["type"] == "error" for event in events)

    def send(self, type_: str, /, **fields: Any) -> bool:
        return self.check(self.client.send(type_, **fields))

    def tell(self, *events: told.SessionEvent) -> None:
        self.check(self.client.hear(*events))

    def new(self, kind: str) -> str:
        self.number += 1
        return f"{kind}_own_{self.number}"

    # -- the client

    def anywhere(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from([*self.mirror.order, "item_x"]))

    @rule(item_id=IDS, is_recording=st.booleans(), data=st.data())
    def create(self, item_id: str, is_recording: bool, data: st.DataObject) -> None:
        previous = data.draw(st.sampled_from([None, "root", *self.mirror.order, "item_x"]))
        content: list[dict[str, Any]] = [{"type": "input_text", "text": "hi"}]
        if is_recording:
            content.append({"type": "input_audio", "audio": SOUND})
        item = {"type": "message", "role": "user", "content": content, "id": item_id}
        self.send("conversation.item.create", item=item, previous_item_id=previous)

    @rule(item_id=IDS)
    def answer_a_call(self, item_id: str) -> None:
        item = {"type": "function_call_output", "call_id": "call_1", "output": "x", "id": item_id}
        self.send("conversation.item.create", item=item)

    @rule(data=st.data())
    def retrieve(self, data: st.DataObject) -> None:
        item_id = self.anywhere(data)
        assert self.send("conversation.item.retrieve", item_id=item_id) == (item_id in self.mirror.order)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """At once, or when the reply has ended whose item it is."""
        item_id = self.anywhere(data)
        is_there = item_id in self.mirror.order
        assert self.send("conversation.item.delete", item_id=item_id) == is_there
        if item_id in self.mirror.order:
            assert item_id in [reply.item_id for reply in self.replies]
            self.doomed.add(item_id)

    @rule(data=st.data(), end=st.integers(0, 5000))
    def truncate(self, data: st.DataObject, end: int) -> None:
        place = {"item_id": self.anywhere(data), "content_index": 0}
        self.send("conversation.item.truncate", audio_end_ms=end, **place)

    @rule(response=RESPONSES)
    def ask(self, response: dict[str, Any]) -> None:
        asked, was_free = (
            len(self.client.session.asked),
            self.is_free() and self.taken == len(self.client.session.asked),
        )
        was_accepted = self.send("response.create", response=response)
        if was_free and not response and not self.client.session.options.is_listening_only:
            assert was_accepted
            assert len(self.client.session.asked) == asked + 1

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        given = data.draw(st.sampled_from([None, "resp_x", *(reply.response_id for reply in self.replies)]))
        if not self.send("response.cancel", **({"response_id": given} if given else {})):
            return
        own = [r.response_id for r in self.replies if r.is_in_conversation]
        self.mirror.cancelled |= {given} if given else set(own)

    @rule(kind=st.sampled_from(["output_audio_buffer.clear", "input_audio_buffer.clear"]))
    def speak_and_clear(self, kind: str) -> None:
        assert self.send("input_audio_buffer.append", audio=SOUND) == self.has_events_only
        self.send(kind)

    @rule(session=UPDATES)
    def update(self, session: dict[str, Any]) -> None:
        self.send("session.update", session={"type": "realtime", **session})

    @rule()
    def only_listen(self) -> None:
        is_new = not (self.mirror.order or self.replies or self.client.session.asked)
        if is_new and self.number > 2:
            self.send("session.update", session={"type": "transcription"})

    # -- the session hears

    @rule()
    def hear_speech(self) -> None:
        self.turns.append(item_id := self.new("item"))
        self.tell(told.SpeechStarted(item_id, 100), told.Transcript(item_id, "one", is_final=False))

    @precondition(lambda self: self.turns)
    @rule()
    def hear_silence(self) -> None:
        self.tell(told.SpeechStopped(self.turns[0], 900), told.TurnCommitted(self.turns[0]))
        self.committed.append(self.turns.pop(0))

    @precondition(lambda self: self.committed)
    @rule(fails=st.booleans())
    def understand(self, fails: bool) -> None:
        item_id = self.committed.pop(0)
        failure = told.TranscriptionFailed(item_id, "No recogniser.")
        self.tell(failure if fails else told.Transcript(item_id, "one two", is_final=True))

    @rule()
    def understand_a_recording(self) -> None:
        recordings = [each for each in self.client.session.history if isinstance(each, SpokenMessage)]
        for recording in recordings[:1]:
            self.tell(told.Transcript(recording.item_id, "recorded", is_final=True))

    @precondition(lambda self: self.is_free())
    @rule()
    def time_out(self) -> None:
        item_id = self.new("item")
        self.tell(told.IdleTimedOut(item_id, 0, 5000), told.TurnCommitted(item_id))
        self.committed.append(item_id)

    # -- the session replies

    def is_free(self) -> bool:
        return not any(reply.is_in_conversation for reply in self.replies)

    def begin(self, response_id: str, modality: Any, *, is_in_conversation: bool) -> None:
        reply = Reply(response_id, self.new("item"), modality, is_in_conversation)
        self.replies.append(reply)
        self.tell(told.ReplyStarted(response_id, reply.item_id, modality))

    @precondition(lambda self: self.taken < len(self.client.session.asked))
    @rule()
    def reply_as_asked(self) -> None:
        options, response_id = self.client.session.asked[self.taken]
        if not options.is_in_conversation or self.is_free():
            self.taken += 1
            modality = options.modality or self.client.session.options.modality
            self.begin(response_id, modality, is_in_conversation=options.is_in_conversation)

    @precondition(lambda self: self.is_free() and not self.client.session.options.is_listening_only)
    @rule()
    def reply_unasked(self) -> None:
        self.begin(self.new("resp"), self.client.session.options.modality, is_in_conversation=True)

    @precondition(lambda self: self.replies)
    @rule(data=st.data(), word=st.sampled_from(["one ", "two "]))
    def say(self, data: st.DataObject, word: str) -> None:
        reply = data.draw(st.sampled_from(self.replies))
        if reply.modality == "audio":
            self.tell(told.ReplyPlaying(reply.response_id))
            frame = PlayoutFrame(reply.response_id, reply.item_id, b"\1\0" * 480)
            self.check(self.client.read(self.client.protocol.audio([frame])))
            reply.played_ms += 20
        reply.said += word
        self.tell(told.ReplyText(reply.response_id, reply.item_id, word))

    @precondition(lambda self: self.replies)
    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        reply = data.draw(st.sampled_from(self.replies))
        reply.calls += 1
        call = (reply.response_id, f"{reply.item_id}_call_{reply.calls}", "call_1", "f", "{}")
        self.tell(told.FunctionCalled(*call))

    @precondition(lambda self: self.replies)
    @rule(data=st.data(), status=st.sampled_from(["completed", "cancelled", "incomplete", "failed"]))
    def end(self, data: st.DataObject, status: Any) -> None:
        self.finish(data.draw(st.sampled_from(self.replies)), status)

    def finish(self, reply: Reply, status: Any) -> None:
        self.replies.remove(reply)
        ids = (reply.response_id, reply.item_id)
        self.tell(told.ReplyFinished(*ids, status, None, reply.said, "", reply.played_ms))
        assert reply.item_id not in self.doomed & set(self.mirror.order)

    # -- what holds

    @invariant()
    def both_sides_agree_on_what_is_going_on(self) -> None:
        open_ = {reply.response_id for reply in self.replies}
        assert set(self.mirror.open) == open_
        assert self.client.protocol.is_responding == bool(open_)

    @invariant()
    def both_sides_agree_on_the_order_of_items(self) -> None:
        """What the session added by itself stands where the client was told; the rest it was told to add."""
        history = self.client.session.history
        known = {item.item_id for item in history}
        for at, item_id in enumerate(self.mirror.order):
            if item_id not in known:
                history.insert(self.position(at), Message(item_id, "user", "its own"))
        shown = [item.item_id for item in history if item.item_id in self.mirror.order]
        assert shown == self.mirror.order
        entries = [self.client.protocol._items.get(item_id) for item_id in shown]
        assert [entry and entry.previous_item_id for entry in entries] == [None, *shown][: len(shown)]

    def position(self, at: int) -> int:
        """Where the history holds what comes after the `at`th item, and after the last piece of it."""
        known = [item.item_id for item in self.client.session.history]
        if at == 0:
            return 0
        place = known.index(self.mirror.order[at - 1]) + 1
        while place < len(known) and known[place] not in self.mirror.order:
            place += 1
        return place

    def teardown(self) -> None:
        if not hasattr(self, "client"):
            return
        for reply in tuple(self.replies):
            self.finish(reply, "completed")
        assert not self.mirror.open
        assert not self.client.protocol.is_responding


TestConversations = Conversations.TestCase
TestConversations.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
