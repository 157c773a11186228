"""Calls over bad networks, with bad callers and with no ports left."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from aioice import ice, stun
from aiortc import MediaStreamTrack
from aiortc.rtcdtlstransport import RTCDtlsTransport

from sottovoce.gateway.limits import GatewayLimits
from sottovoce.realtime import webrtc_ice
from tests.contract.caller import CALLS, SDP, TONE_HZ, Caller, all_free, calling, heard, pitch
from tests.contract.gateway_server import Gateway, running


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


class Silent(MediaStreamTrack):
    """A microphone that never gives a sample."""

    kind = "audio"

    async def recv(self) -> av.AudioFrame:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_caller_that_connects_and_never_opens_its_channel_is_given_up(tmp_path: Path) -> None:
    async with running(tmp_path, GatewayLimits(call_deadline=1.0)) as gateway:
        caller = Caller(gateway, channel="not-the-one")
        await caller.call()
        async with asyncio.timeout(10):
            await caller.is_closed.wait()  # the channel; the call itself waits on for the right one
        assert caller.peer.connectionState == "connected"
        assert gateway.app.state.calls.statistics() == (1, 1)
        await all_free(gateway)
        await caller.peer.close()


async def test_a_caller_that_never_says_anything_is_served(gateway: Gateway) -> None:
    async with calling(gateway, Silent()) as caller:
        assert gateway.app.state.calls.statistics() == (1, 0)  # the watchdog has let it pass
        caller.send("response.create")
        assert (await caller.expect("response.done"))["response"]["status"] == "completed"
        assert not gateway.sessions[0].heard
    await all_free(gateway)


async def test_calls_keep_to_their_ports_and_the_one_too_many_is_told_when_to_come_again(
    tmp_path: Path, free_ports: range
) -> None:
    ports = f"{free_ports[0]}-{free_ports[-1]}"
    async with running(tmp_path, udp_ports=ports) as gateway:
        for _ in range(2):  # and they come back
            async with calling(gateway) as first, calling(gateway) as second:
                assert first.candidates | second.candidates == {("127.0.0.1", port) for port in free_ports}
                third = Caller(gateway)
                reply = await gateway.client.post(CALLS, content=await third.offer(), headers=SDP)
                await third.peer.close()
                assert (reply.status_code, reply.json()["error"]["code"]) == (503, "rate_limit_exceeded")
                assert int(reply.headers["retry-after"]) > 0
                assert "SOTTOVOCE_UDP_PORTS" in reply.json()["error"]["message"]
                assert gateway.taken == 2
            await all_free(gateway)


async def test_an_advertised_address_stands_in_the_answer_alone_and_is_reached(
    tmp_path: Path, free_ports: range
) -> None:
    """As in a container: the socket is bound to every address, the answer names the one outside."""
    ports = f"{free_ports[0]}-{free_ports[-1]}"
    async with running(tmp_path, udp_ports=ports, advertised_address="127.0.0.1") as gateway:
        async with calling(gateway) as caller:
            ((address, port),) = caller.candidates
            assert (address, port in free_ports) == ("127.0.0.1", True)
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


async def test_a_network_that_fails_for_a_moment_costs_no_call(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer checks than it takes to give a caller up go unanswered, then all is well again."""
    monkeypatch.setattr(webrtc_ice, "CONSENT_INTERVAL", 0.01)
    async with calling(gateway) as caller:
        protocols = caller.peer.sctp.transport.transport._connection._protocols
        lost, answered = 0, asyncio.Event()
        for protocol in protocols:
            reply = protocol.send_stun

            def lose_some(message: stun.Message, addr: tuple[str, int], reply: Any = reply) -> None:
                nonlocal lost
                is_reply = message.message_class is stun.Class.RESPONSE
                if is_reply and lost < ice.CONSENT_FAILURES - 1:
                    lost += 1
                    return
                reply(message, addr)
                if is_reply:
                    answered.set()

            protocol.send_stun = lose_some
        async with asyncio.timeout(10):
            await answered.wait()
        assert lost == ice.CONSENT_FAILURES - 1
        caller.send("response.create")
        assert (await caller.expect("response.done"))["response"]["status"] == "completed"
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
