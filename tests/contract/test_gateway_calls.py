"""WebRTC calls against the served gateway, with aiortc as the caller."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import numpy as np
import pytest

from sottovoce.conversation.events import SpeechStarted, StateChanged
from sottovoce.gateway.app import end_sessions
from sottovoce.realtime.webrtc_channel import MAX_MESSAGE_BYTES
from tests.contract.caller import CALLS, SDP, TONE_HZ, Caller, all_free, calling, heard, pitch, queue_tone
from tests.contract.gateway_server import BEARER, Gateway


async def test_a_call_is_answered_as_openai_answers(gateway: Gateway) -> None:
    caller = Caller(gateway)
    reply = await caller.call()
    assert reply.headers["content-type"] == "application/sdp"
    assert reply.headers["location"].startswith(f"{CALLS}/rtc_")
    candidates = [line.split() for line in reply.text.splitlines() if line.startswith("a=candidate:")]
    assert {fields[4] for fields in candidates} == {"127.0.0.1"}  # a loopback server opens nothing else
    assert "a=end-of-candidates" in reply.text
    created = await caller.expect("session.created")
    assert created["session"]["id"] == gateway.sessions[0].id
    await caller.peer.close()
    await all_free(gateway)


async def test_the_microphone_reaches_the_session(gateway: Gateway) -> None:
    async with calling(gateway):
        sound = await heard(gateway.sessions[0], 1.0)
    assert pitch(sound[-24_000:]) == pytest.approx(TONE_HZ, abs=5)
    assert np.sqrt(np.mean(sound[-24_000:] ** 2)) == pytest.approx(10_000 / np.sqrt(2), rel=0.15)
    await all_free(gateway)


async def test_a_typed_question_is_answered_aloud(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
        caller.channel.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await caller.expect("conversation.item.done")
        gateway.sessions[0].queue_speech = partial(queue_tone, gateway.sessions[0])  # type: ignore[method-assign]
        caller.channel.send(json.dumps({"type": "response.create"}))
        await caller.expect("response.created")
        sound = await caller.listen(0.6)
        started = await caller.expect("output_audio_buffer.started")
        done = await caller.expect("response.done")
        stopped = await caller.expect("output_audio_buffer.stopped")
    assert gateway.sessions[0].messages[0][1] == "hello"
    assert done["response"]["status"] == "completed"
    assert started["response_id"] == stopped["response_id"] == done["response"]["id"]
    assert pitch(sound[12_000:]) == pytest.approx(TONE_HZ, abs=8)
    assert np.abs(sound).max() == pytest.approx(10_000, rel=0.3)
    await all_free(gateway)


@pytest.mark.parametrize(
    "sent", [["output_audio_buffer.clear"], ["response.cancel", "output_audio_buffer.clear"]]
)
async def test_an_interruption_clears_what_was_not_played_and_says_what_was(
    gateway: Gateway, sent: list[str]
) -> None:
    """agents-js sends clear alone once `response.output_audio.done` has come, else both; never a truncate."""
    async with calling(gateway) as caller:
        session = gateway.sessions[0]
        session.frames = 500
        session.queue_speech = partial(queue_tone, session)  # type: ignore[method-assign]
        caller.send("response.create")
        started = await caller.expect("output_audio_buffer.started")
        assert np.abs(await caller.listen(0.5)).max() > 5000
        for kind in sent:
            caller.send(kind)
        told = await caller.told_until("conversation.item.truncated")
        silence = await caller.listen(0.5)
    order = [event["type"] for event in told]
    assert "error" not in order
    ending = ["output_audio_buffer.cleared", "response.done", "conversation.item.truncated"]
    assert [kind for kind in order if kind in ending] == ending
    cleared, done, truncated = (next(event for event in told if event["type"] == kind) for kind in ending)
    assert cleared["response_id"] == started["response_id"] == done["response"]["id"]
    assert done["response"]["status"] == "cancelled"
    assert truncated["item_id"] == done["response"]["output"][0]["id"]
    assert truncated["audio_end_ms"] < 10_000
    assert np.abs(silence[-9600:]).max() < 50
    await all_free(gateway)


async def test_session_events_reach_the_channel_in_order(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        gateway.sessions[0].tell(StateChanged("listening"), SpeechStarted("item_1", 40))
        state = await caller.expect("sottovoce.session.state")
        started = await caller.expect("input_audio_buffer.speech_started")
    assert (state["state"], started["item_id"]) == ("listening", "item_1")


async def test_malformed_events_cost_an_error_and_no_more(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        for bad in ("", "{", "[]", '{"type":"nothing","event_id":"mine"}', b"\xff\x00"):
            caller.channel.send(bad)
            assert (await caller.expect("error"))["error"]["type"] == "invalid_request_error"
        caller.channel.send(json.dumps({"type": "session.update", "session": {"type": "realtime"}}))
        await caller.expect("session.updated")
    await all_free(gateway)


async def test_an_oversize_event_costs_an_error_and_no_more(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        caller.channel.transport._remote_max_message_size = 0  # a client that heeds no limit
        caller.channel.send("x" * (MAX_MESSAGE_BYTES + 1))
        assert (await caller.expect("error"))["error"]["code"] == "message_too_large"
        caller.channel.send(json.dumps({"type": "session.update", "session": {"type": "realtime"}}))
        await caller.expect("session.updated")
    await all_free(gateway)


async def test_a_message_that_never_ends_ends_the_call(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        caller.channel.transport._remote_max_message_size = 0
        caller.channel.send("x" * (2 << 20))  # more than the receive window that the server announced
        async with asyncio.timeout(15):
            await caller.is_closed.wait()
    await all_free(gateway)


@pytest.mark.parametrize(("method", "suffix"), [("DELETE", ""), ("POST", "/hangup")])
async def test_a_call_is_hung_up_by_its_address(gateway: Gateway, method: str, suffix: str) -> None:
    async with calling(gateway) as caller:
        reply = await gateway.client.request(method, caller.location + suffix, headers=BEARER)
        assert reply.status_code == 200
        await all_free(gateway)
        again = await gateway.client.request(method, caller.location + suffix, headers=BEARER)
        assert again.status_code == 404
        async with asyncio.timeout(10):
            await caller.is_closed.wait()


async def test_shutting_down_ends_calls(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        await end_sessions(gateway.app)
        await all_free(gateway)
        offer = caller.peer.localDescription.sdp
        refused = await gateway.client.post(CALLS, content=offer, headers=SDP)
        assert refused.status_code == 503
        async with asyncio.timeout(10):
            await caller.is_closed.wait()
