"""What is said and written in a room, as LiveKit's front ends and OpenAI's clients read it."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from sottovoce.conversation import events as told
from sottovoce.livekit.conventions import CHAT_TOPIC, REALTIME_TOPIC
from sottovoce.livekit.room.clients import LIMITS
from sottovoce.livekit.room.talk import CHAT_LIMITS
from tests.fake_session import TalkingSession
from tests.livekit.participant import EVENTS, present
from tests.livekit.rooms import ASSISTANT, Sessions, holding
from tests.livekit_server import LiveKitServer

pytestmark = pytest.mark.timeout(40)


async def test_what_is_written_is_answered_aloud_and_in_a_transcript(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", speaks=True) as ann,
    ):
        await ann.until(lambda: [state for _, state in ann.states if state == "listening"])
        await ann.write("what time is it")
        said = await ann.until(lambda: ann.said_by(ASSISTANT))
        assert said == [TalkingSession.answer]
        await ann.first_sound(0)
        (stream,) = {caption.stream for caption in ann.captions}
        growing = [caption for caption in ann.captions if not caption.is_final]
        assert len(growing) > 2
        assert all(later.text.startswith(sooner.text) for sooner, later in pairwise(growing))
        track = await ann.until(lambda: ann.captions[-1].track)
        voice = ann.room.remote_participants[ASSISTANT].track_publications[track]
        assert (voice.name, voice.source) == ("roomio_audio", 2)
        await ann.until(lambda: ann.legacy and ann.legacy[-1][0].final)
        older = [segments[0] for segments in ann.legacy]
        assert older[-1].text == TalkingSession.answer
        assert {segment.id for segment in older} == {caption.segment for caption in ann.captions}
        assert stream
    assert [message[1] for message in sessions.one.messages] == ["what time is it"]


async def test_what_is_written_interrupts_what_is_said(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions(frames=500)
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        await ann.write("count to forty")
        await ann.first_sound(0)
        await ann.write("stop")
        done = await ann.event("response.done")
        assert done["response"]["status"] == "cancelled"
        await ann.until(lambda: len(ann.events_of("response.created")) == 2)
        assert not ann.events_of("error")
    assert [message[1] for message in sessions.one.messages] == ["count to forty", "stop"]


async def test_what_is_spoken_grows_in_streams_of_one_segment_in_its_speakers_name(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        await ann.until(lambda: sessions.one.heard)
        sessions.one.tell(told.Transcript("item_1", "what", is_final=False))
        await ann.until(lambda: ann.captions)
        sessions.one.tell(told.Transcript("item_1", "what time is it", is_final=True))
        assert await ann.until(lambda: ann.said_by("ann")) == ["what time is it"]
        assert {(caption.speaker, caption.segment) for caption in ann.captions} == {("ann", "item_1")}
        assert ann.publication is not None
        assert {caption.track for caption in ann.captions} == {ann.publication.sid}
        assert len({caption.stream for caption in ann.captions}) == 2
        # noise without words is nobody's to read, and what turns out to be noise is taken back
        sessions.one.tell(told.Transcript("item_2", "", is_final=True))
        sessions.one.tell(told.Transcript("item_3", "uh", is_final=False))
        await ann.until(lambda: ann.captions[-1].segment == "item_3")
        sessions.one.tell(told.Transcript("item_3", "", is_final=True))
        await ann.until(lambda: ann.captions[-1].segment == "item_3" and ann.captions[-1].is_final)
        assert "item_2" not in {caption.segment for caption in ann.captions}


async def test_states_are_attributes(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", speaks=True) as ann,
    ):
        for state in ("thinking", "speaking", "listening"):
            await ann.until(lambda: sessions.made)
            sessions.one.tell(told.StateChanged(state))  # type: ignore[arg-type]
            await ann.until(lambda state=state: ann.states and ann.states[-1][1] == state)  # type: ignore[misc]
        assert ann.states[0][1] in ("initializing", "listening")


async def test_events_come_in_their_order_and_only_to_clients(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
        present(livekit, room_name, "bob", speaks=True) as bob,
    ):
        await ann.event("session.created")
        assert ann.events[0][1]["type"] == "session.created"
        sessions.one.tell(told.ReplyStarted("resp_1", "item_1"))
        sessions.one.tell(*(told.ReplyText("resp_1", "item_1", f"{n} ") for n in range(200)))
        sessions.one.tell(told.ReplyFinished("resp_1", "item_1", "completed"))
        await ann.event("response.done")
        deltas = ann.events_of("response.output_audio_transcript.delta")
        assert [event["delta"] for event in deltas] == [f"{n} " for n in range(200)]
        await bob.until(lambda: bob.said_by(ASSISTANT))
        assert not bob.events


async def test_a_whole_turn_by_events(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        await ann.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
        assert (await ann.event("session.updated"))["session"]["instructions"] == "Be brief."
        content = [{"type": "input_text", "text": "what time is it"}]
        await ann.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        await ann.send("response.create")
        done = await ann.event("response.done")
        assert done["response"]["output"][0]["content"][0]["transcript"] == TalkingSession.answer
        assert ann.events_of("output_audio_buffer.started")


async def test_what_is_wrong_with_an_event_is_told_to_its_sender_alone(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
        present(livekit, room_name, "bob", attributes=EVENTS, speaks=True) as bob,
    ):
        for somebody in (ann, bob):
            await somebody.event("session.created")
        await bob.send_raw("nonsense")
        await bob.event("error")
        await bob.send("input_audio_buffer.append", audio="AAAA")
        await bob.event("error", lambda told: told["error"]["code"] == "unsupported_operation")
        await bob.send_raw("x" * (LIMITS.characters + 1))
        await bob.event("error", lambda told: told["error"]["code"] == "message_too_large")
        await bob.send("response.create")
        await ann.event("response.done")
        assert not ann.events_of("error")


async def test_a_client_that_only_sends_nonsense_is_sent_away_and_nobody_else(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
        present(livekit, room_name, "bob", attributes=EVENTS, speaks=True) as bob,
    ):
        for somebody in (ann, bob):
            await somebody.event("session.created")
        for _ in range(20):
            await bob.send_raw("nonsense")
        assert (await bob.event("sottovoce.session.ended"))["code"] == 1008
        before = len(bob.events)
        await ann.send("response.create")
        await ann.event("response.done")
        assert len(bob.events) == before


async def test_events_of_one_who_is_no_client_do_nothing_and_are_answered_once(
    livekit: LiveKitServer, room_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = Sessions()
    with caplog.at_level("INFO", "sottovoce.livekit.room.clients"):
        async with (
            holding(livekit, room_name, sessions),
            present(livekit, room_name, "ann", speaks=True) as ann,
        ):
            await ann.until(lambda: [state for _, state in ann.states if state == "listening"])
            for _ in range(3):
                await ann.send("response.create")
            refused = await ann.event("error")
            assert 'sottovoce.realtime="true"' in refused["error"]["message"]
            await ann.write("what time is it")
            await ann.until(lambda: ann.said_by(ASSISTANT))
            assert len(ann.events) == 1  # it is said once
            # who asks for them later gets them, and what has been said
            await ann.room.local_participant.set_attributes(EVENTS)
            await ann.event("session.created")
            await ann.until(lambda: len(ann.events_of("conversation.item.done")) == 2)
    assert len(sessions.one.asked) == 1
    assert "no client" in caplog.text


async def test_who_is_one_client_too_many_is_told_so_and_comes_in_for_one_who_leaves(
    livekit: LiveKitServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sottovoce.livekit.room.clients.MAX_CLIENTS", 1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(holding(livekit, room_name, Sessions()))
        async with present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann:
            await ann.event("session.created")
            bob = await stack.enter_async_context(
                present(livekit, room_name, "bob", attributes=EVENTS, speaks=True)
            )
            assert (await bob.event("error"))["error"]["code"] == "rate_limit_exceeded"
            assert not bob.events_of("session.created")
        await bob.event("session.created")


async def test_too_long_a_text_is_refused_and_the_next_one_taken(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", speaks=True) as ann,
    ):
        await ann.until(lambda: [state for _, state in ann.states if state == "listening"])
        await ann.write("x" * (CHAT_LIMITS.characters + 1))
        refusal = (await ann.until(lambda: ann.chats))[0][2]
        assert f"{CHAT_LIMITS.characters} characters" in refusal
        await ann.write("what time is it")
        await ann.until(lambda: ann.said_by(ASSISTANT))
    assert [message[1] for message in sessions.one.messages] == ["what time is it"]


async def test_a_flood_of_texts_is_bounded_and_costs_nobody_else(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions(frames=3)
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", speaks=True) as ann,
        present(livekit, room_name, "bob", speaks=True) as bob,
    ):
        await ann.until(lambda: [state for _, state in ann.states if state == "listening"])
        for number in range(60):
            await bob.write(f"text {number}")
        await bob.until(lambda: [text for _, _, text in bob.chats if text.startswith("Too many")])
        await ann.write("what time is it")
        await ann.until(lambda: [m for m in sessions.one.messages if m[1] == "what time is it"] or None, 5)
    assert len(sessions.one.messages) < 20


async def test_a_text_that_never_ends_holds_up_nobody(
    livekit: LiveKitServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sottovoce.livekit.room.inbox.READ_DEADLINE", 0.2)
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        for topic in (CHAT_TOPIC, REALTIME_TOPIC):
            stream = await ann.room.local_participant.stream_text(topic=topic)
            await stream.write("half of")
        await ann.until(lambda: len(ann.events_of("error")) == 2)
        await ann.send("response.create")
        await ann.write("what time is it")
        await ann.event("response.done")


async def test_a_reply_beside_the_conversation_is_no_transcript(
    livekit: LiveKitServer, room_name: str
) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions),
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        await ann.send("response.create", response={"conversation": "none", "output_modalities": ["text"]})
        await ann.event("response.done")
        await ann.write("what time is it")
        await ann.until(lambda: ann.said_by(ASSISTANT))
        assert len(ann.said_by(ASSISTANT)) == 1


async def test_a_client_that_takes_nothing_is_let_go(
    livekit: LiveKitServer, room_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sottovoce.livekit.room.client.MAX_UNSENT_BYTES", 20_000)
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions) as held,
        present(livekit, room_name, "ann", attributes=EVENTS, speaks=True) as ann,
    ):
        await ann.event("session.created")
        sessions.one.tell(told.ReplyStarted("resp_1", "item_1"))
        # told all at once, faster than any network takes them
        sessions.one.tell(*(told.ReplyText("resp_1", "item_1", f"{n} ") for n in range(1000)))
        sessions.one.tell(told.ReplyFinished("resp_1", "item_1", "completed"))
        assert (await ann.event("sottovoce.session.ended"))["code"] == 1013
        await ann.until(lambda: ann.said_by(ASSISTANT))
        assert not held.over.done()
    assert json.dumps(ann.said_by(ASSISTANT)[0].split()) == json.dumps([str(n) for n in range(1000)])


async def test_last_words_leave_before_the_end(livekit: LiveKitServer, room_name: str) -> None:
    sessions = Sessions()
    async with (
        holding(livekit, room_name, sessions) as held,
        present(livekit, room_name, "ann", speaks=True) as ann,
    ):
        await ann.until(lambda: sessions.made and sessions.one.heard)
        sessions.one.tell(told.ReplyStarted("resp_1", "item_1"), told.ReplyText("resp_1", "item_1", "Good"))
        await ann.until(lambda: ann.captions)
        held.stop.set()
        await asyncio.wait([held.over])
        assert await ann.until(lambda: ann.said_by(ASSISTANT)) == ["Good"]
