"""A client of `sessions_per_core.py` that speaks and listens as a WebRTC call."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from fractions import Fraction
from types import TracebackType
from typing import Any

import av
import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtp import RtpPacket
from endless_gateway import FRAMES

from sottovoce.audio.grid import Grid
from sottovoce.realtime import webrtc_ice
from sottovoce.realtime.webrtc_track import MAX_LATE, RTP_RATE_HZ, RTP_TICKS, OpusEncoder

PACKET = 0.020
_encoder = OpusEncoder()
PAYLOADS = [bytes(_encoder.encode(samples, slot)) for slot, samples in enumerate(FRAMES)]


class Voice(MediaStreamTrack):
    """Packets made beforehand: the clients' core has to carry as many calls as the server's."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._grid = Grid(time.perf_counter(), MAX_LATE)

    async def recv(self) -> av.Packet[Any]:
        slot, wait = self._grid.advance(time.perf_counter())
        await asyncio.sleep(wait)
        packet: av.Packet[Any] = av.Packet(PAYLOADS[slot % len(PAYLOADS)])
        packet.pts, packet.time_base = slot * RTP_TICKS, Fraction(1, RTP_RATE_HZ)
        return packet


arrivals: defaultdict[RTCRtpReceiver, list[tuple[int, float]]] = defaultdict(list)
"""Of each receiver: the RTP times and moments of what came; nothing is decoded."""


async def record(receiver: RTCRtpReceiver, packet: RtpPacket, arrival_time_ms: int) -> None:
    arrivals[receiver].append((packet.timestamp, time.perf_counter()))


class WebRtcClient:
    """`late_ms` of each packet since `clear`; `received` seconds of sound since then."""

    def __init__(self, host: str, key: str) -> None:
        RTCRtpReceiver._handle_rtp_packet = record  # type: ignore[assignment,method-assign]
        webrtc_ice.install()
        self._url = f"http://{host}/v1/realtime/calls"
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/sdp"}
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._origin: float | None = None

    def clear(self) -> None:
        self._arrivals.clear()

    @property
    def late_ms(self) -> list[float]:
        """Behind the earliest packet's pace, which is that of an idle network and server."""
        places = [(at, stamp / RTP_RATE_HZ) for stamp, at in self._arrivals]
        origin = min((at - due for at, due in places), default=0.0)
        self._origin = origin if self._origin is None else min(self._origin, origin)
        return [(at - due - self._origin) * 1000 for at, due in places]

    @property
    def received(self) -> float:
        return len(self._arrivals) * PACKET

    @property
    def _arrivals(self) -> list[tuple[int, float]]:
        return arrivals[self._peer.getReceivers()[0]]

    async def __aenter__(self) -> WebRtcClient:
        self._peer.addTrack(Voice())
        channel = self._peer.createDataChannel("oai-events")
        is_open = asyncio.Event()
        channel.on("open", is_open.set)
        with webrtc_ice.gathering(webrtc_ice.Reach(is_loopback_only=True)):
            await self._peer.setLocalDescription(await self._peer.createOffer())
        async with httpx.AsyncClient(trust_env=False) as client:
            reply = await client.post(
                self._url, content=self._peer.localDescription.sdp, headers=self._headers, timeout=30
            )
        reply.raise_for_status()
        await self._peer.setRemoteDescription(RTCSessionDescription(reply.text, "answer"))
        await is_open.wait()
        channel.send(json.dumps({"type": "response.create"}))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._peer.close()
