"""WebRTC calls against the served gateway, with aiortc as the caller."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.rtcdtlstransport import RTCDtlsTransport
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation.events import SpeechStarted, StateChanged
from sottovoce.errors import EngineUnavailable
from sottovoce.gateway.app import end_sessions
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.realtime import webrtc_ice
from sottovoce.realtime.webrtc_channel import MAX_MESSAGE_BYTES
from tests.contract.gateway_server import BEARER, Gateway, running
from tests.fake_session import TalkingSession

CALLS = "/v1/realtime/calls"
SDP = {"content-type": "application/sdp", **BEARER}
TONE_HZ = 440


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path, GatewayLimits(call_deadline=5.0), max_sessions=2) as served:
        yield served


class Tone(MediaStreamTrack):
    """48 kHz stereo, as browsers send it, in real time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._frames = 0
        self._start = asyncio.get_running_loop().time()

    async def recv(self) -> av.AudioFrame:
        due = self._start + self._frames * 0.02
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        phase = (np.arange(960) + self._frames * 960) * 2 * np.pi * TONE_HZ / 48_000
        pcm = np.repeat((np.sin(phase) * 10_000).astype(np.int16), 2)
        frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._frames * 960, Fraction(1, 48_000)
        self._frames += 1
        return frame


class Caller:
    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.voice: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        self.is_closed = asyncio.Event()
        self.peer.addTrack(Tone())
        self.channel = self.peer.createDataChannel("oai-events")
        self.channel.on("message", lambda text: self.events.put_nowait(json.loads(text)))
        self.channel.on("close", self.is_closed.set)
        self.peer.on("track", self.voice.set_result)
        self.location = ""

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return self.peer.localDescription.sdp

    async def call(self) -> httpx.Response:
        reply = await self.gateway.client.post(
            f"{CALLS}?extensions=sottovoce", content=await self.offer(), headers=SDP
        )
        assert reply.status_code == 201, reply.text
        self.location = reply.headers["location"]
        await self.peer.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))
        return reply

    async def expect(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while (event := await self.events.get())["type"] != kind:
                pass
        return event

    async def listen(self, seconds: float) -> np.ndarray:
        track = await self.voice
        frames = [await track.recv() for _ in range(int(seconds / 0.02))]
        # one channel of however many
        return np.concatenate([f.to_ndarray().reshape(f.samples, -1)[:, 0] for f in frames]).astype(float)


@asynccontextmanager
async def calling(gateway: Gateway) -> AsyncIterator[Caller]:
    caller = Caller(gateway)
    try:
        await caller.call()
        await caller.expect("session.created")
        yield caller
    finally:
        await caller.peer.close()


async def all_free(gateway: Gateway) -> None:
    async with asyncio.timeout(10):
        await gateway.app.state.sessions.wait_until_free()
    assert gateway.app.state.calls.statistics() == (0, 0)
    assert all(session.is_closed for session in gateway.sessions)


async def heard(session: TalkingSession, seconds: float) -> np.ndarray:
    is_enough, hear = asyncio.Event(), session.push_audio

    def push_audio(frame: AudioFrame) -> None:
        hear(frame)
        if len(session.heard) >= seconds * 48_000 * 2:
            is_enough.set()

    session.push_audio = push_audio  # type: ignore[method-assign]
    async with asyncio.timeout(10):
        await is_enough.wait()
    return np.frombuffer(bytes(session.heard), np.int16).astype(float)


def queue_tone(session: TalkingSession, frames: int, response_id: str, item_id: str) -> None:
    wave = np.sin(np.arange(frames * 480) * 2 * np.pi * TONE_HZ / 24_000) * 10_000
    for pcm in wave.astype("<i2").reshape(frames, 480):
        session.playout.frames.append(PlayoutFrame(response_id, item_id, pcm.tobytes()))


def pitch(sound: np.ndarray, rate_hz: int = 48_000) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    return float(np.argmax(spectrum) * rate_hz / sound.size)


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


async def test_an_interruption_clears_what_was_not_played(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        gateway.sessions[0].frames = 500
        caller.channel.send(json.dumps({"type": "response.create"}))
        await caller.expect("output_audio_buffer.started")
        caller.channel.send(json.dumps({"type": "response.cancel"}))
        await caller.expect("output_audio_buffer.cleared")
        done = await caller.expect("response.done")
    assert done["response"]["status"] == "cancelled"
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


async def test_a_caller_that_never_connects_is_given_up(tmp_path: Path) -> None:
    limits = GatewayLimits(call_deadline=0.2, half_open_calls=1)
    async with running(tmp_path, limits) as gateway:
        caller = Caller(gateway)
        offer = await caller.offer()
        await caller.peer.close()
        assert (await gateway.client.post(CALLS, content=offer, headers=SDP)).status_code == 201
        second = await gateway.client.post(CALLS, content=offer, headers=SDP)
        assert (second.status_code, second.json()["error"]["code"]) == (503, "rate_limit_exceeded")
        assert "being set up" in second.json()["error"]["message"]
        await all_free(gateway)


async def test_a_session_that_cannot_start_costs_the_caller_a_503_and_nobody_a_place(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(session: TalkingSession) -> None:
        raise EngineUnavailable("The stt engine cannot be reached.", engine="stt")

    monkeypatch.setattr(TalkingSession, "start", fail)
    caller = Caller(gateway)
    offer = await caller.offer()
    reply = await gateway.client.post(CALLS, content=offer, headers=SDP)
    await caller.peer.close()
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "engine_unavailable")
    await all_free(gateway)


async def test_a_caller_that_vanishes_without_a_word_is_noticed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc_ice, "CONSENT_INTERVAL", 0.01)
    async with calling(gateway) as caller:
        assert gateway.taken == 1
        for protocol in caller.peer.sctp.transport.transport._connection._protocols:
            protocol.transport.abort()
        await all_free(gateway)


@pytest.fixture
def lossy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that loses a tenth of all RTP, in both directions."""
    chance = random.Random(7)
    send = RTCDtlsTransport._send_rtp

    async def lose(transport: RTCDtlsTransport, data: bytes) -> None:
        if chance.random() >= 0.1:
            await send(transport, data)

    monkeypatch.setattr(RTCDtlsTransport, "_send_rtp", lose)


@pytest.mark.usefixtures("lossy")
async def test_a_tenth_of_the_packets_lost_leaves_speech_whole_and_in_time(gateway: Gateway) -> None:
    async with calling(gateway) as caller:
        session = gateway.sessions[0]
        sound = await heard(session, 3.0)
        caller.channel.send(json.dumps({"type": "response.create"}))
        done = await caller.expect("response.done")
    silent = np.mean(np.abs(sound[: sound.size // 960 * 960]).reshape(-1, 960).max(axis=1) == 0)
    assert 0.02 < silent < 0.25  # what was lost became silence, so that time goes on
    assert pitch(sound[48_000:]) == pytest.approx(TONE_HZ, abs=5)
    assert done["response"]["status"] == "completed"
    await all_free(gateway)


# -- bad offers


async def test_the_offer_must_be_sdp(gateway: Gateway) -> None:
    reply = await gateway.client.post(CALLS, json={"sdp": "v=0"}, headers=BEARER)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unsupported_content_type")
    big = await gateway.client.post(CALLS, content=b"v=0" + b"x" * (64 << 10), headers=SDP)
    assert (big.status_code, big.json()["error"]["code"]) == (413, "request_too_large")
    assert gateway.sessions == []


async def test_mutated_offers_never_leak_a_peer(gateway: Gateway) -> None:
    caller = Caller(gateway)
    offer = await caller.offer()
    await caller.peer.close()
    loop = asyncio.get_running_loop()

    async def probe(mutated: bytes) -> None:
        reply = await gateway.client.post(CALLS, content=mutated, headers=SDP)
        if reply.status_code == 201:
            await gateway.client.delete(reply.headers["location"], headers=BEARER)
        else:
            assert reply.status_code in (400, 413), reply.text
            assert reply.json()["error"]["param"] == "sdp" or reply.status_code == 413
        await all_free(gateway)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(mutations(offer))
    def fuzz(mutated: bytes) -> None:
        asyncio.run_coroutine_threadsafe(probe(mutated), loop).result(15)

    await asyncio.to_thread(fuzz)


def mutations(offer: str) -> st.SearchStrategy[bytes]:
    """The offer with some of its lines dropped, doubled, swapped or spoilt."""
    lines = offer.splitlines()
    numbers = st.integers(0, len(lines) - 1)
    spoilt = st.sampled_from(
        ["", "a=", "m=audio", "a=setup:x", "a=mid:", "a=rtpmap:x", "a=sctp-port:-1", "c=IN"]
    )

    @st.composite
    def mutate(draw: st.DrawFn) -> bytes:
        mutated = list(lines)
        for number in draw(st.lists(numbers, min_size=1, max_size=4)):
            number %= len(mutated)
            match draw(st.sampled_from(["drop", "double", "swap", "spoil", "cut", "grow"])):
                case "drop" if len(mutated) > 1:
                    del mutated[number]
                case "double":
                    mutated.insert(number, mutated[number])
                case "swap":
                    mutated[number], mutated[0] = mutated[0], mutated[number]
                case "spoil":
                    mutated[number] = draw(spoilt)
                case "cut":
                    mutated[number] = mutated[number][: draw(st.integers(0, 20))]
                case "grow":
                    mutated[number] += draw(
                        st.sampled_from([" 1", ":99999999999999999999", "\u2603", " -1 x", ";;="])
                    )
        return "\r\n".join([*mutated, ""]).encode()

    return mutate()
