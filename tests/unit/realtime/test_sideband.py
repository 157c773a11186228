"""The sideband's shell with a client in memory: one that does not read costs the call nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from sottovoce.conversation.events import SpeechStarted
from sottovoce.realtime import sideband
from sottovoce.realtime.audience import Audience
from sottovoce.realtime.commands import Close
from sottovoce.realtime.connection import Connection
from sottovoce.realtime.outbox import MAX_UNSENT_BYTES
from sottovoce.realtime.protocol import RealtimeProtocol
from tests import virtual_time
from tests.fake_session import FakeSession
from tests.unit.realtime.asgi import Peer
from tests.unit.realtime.test_audience import Ear, update


def _audience() -> Audience:
    session = FakeSession()
    return Audience(Connection(session, RealtimeProtocol(session.id, session.options)))


@dataclass
class Live:
    """As much of a call as a sideband sees."""

    id: str = "rtc_1"
    audience: Audience = field(default_factory=_audience)


async def meet(call: Any, peer: Peer) -> asyncio.Task[None]:
    return asyncio.create_task(peer.meet(lambda *asgi: sideband.attend(call, *asgi)))


def test_a_sideband_that_does_not_read_is_cut_and_the_caller_hears_on() -> None:
    async def main() -> None:
        call, caller, slow = Live(), Ear(), Peer()
        call.audience.open(caller)
        attending = await meet(call, slow)
        await slow.until("session.created")
        slow.is_reading = False
        long = update(instructions="x" * 60_000)
        for _ in range(MAX_UNSENT_BYTES // 60_000 + 2):
            call.audience.receive(long, caller)
            await asyncio.sleep(0)
        await attending  # which the call did not wait for
        call.audience.apply(SpeechStarted("item_1", 40))
        assert caller.types[-1] == "input_audio_buffer.speech_started"
        assert caller.ending is None
        call.audience.join(Ear())  # its place is free

    virtual_time.run(main())


def test_a_call_that_ends_during_the_handshake_closes_the_sideband() -> None:
    async def main() -> Peer:
        call, peer = Live(), Peer(subprotocols=["realtime", "openai-insecure-api-key.secret"])
        attending = await meet(call, peer)
        await asyncio.sleep(0)
        call.audience.dismiss(Close(1000, "The call has ended."))
        await attending
        return peer

    peer = virtual_time.run(main())
    assert (peer.closing["code"], peer.types) == (1000, ["session.created"])
    accepted = [message for _, message in peer.told if message["type"] == "websocket.accept"]
    assert [message["subprotocol"] for message in accepted] == ["realtime"]
