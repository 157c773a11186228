"""The caller's side of WebRTC by aiortc, for clients that leave it to their users."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack

from tests.clients.openai_conversation import DEADLINE


class Caller:
    """A silent microphone and the events' channel."""

    def __init__(self) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.is_closed = asyncio.Event()
        self.peer.addTrack(AudioStreamTrack())
        self.channel = self.peer.createDataChannel("oai-events")
        self.channel.on("message", lambda text: self.events.put_nowait(json.loads(text)))
        self.channel.on("close", self.is_closed.set)

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        sdp: str = self.peer.localDescription.sdp
        return sdp

    async def expect(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE):
            while (event := await self.events.get())["type"] != kind:
                pass
        return event
