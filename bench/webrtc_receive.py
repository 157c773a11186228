"""How long a packet of the caller's voice takes to become sound: aiortc's own receive path against ours.

Two peers of one process over loopback, 20 ms packets; one packet is dropped half way. Run it alone:

    python bench/webrtc_receive.py [--seconds 8]

Prints, for each path, the delay from the packet's arrival to `track.recv()` before and after the loss.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, codecs, rtcrtpreceiver
from aiortc.codecs.opus import OpusDecoder
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtp import RtpPacket

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.realtime import webrtc_ice, webrtc_receive
from sottovoce.realtime.webrtc_track import VoiceTrack

TICKS = 960
WARM_UP = 25


class Silence:
    output_delay = 0.0

    def pull(self) -> PlayoutFrame | None:
        return None


@contextmanager
def arrivals(dropped: int) -> Iterator[dict[int, float]]:
    """When each packet arrived, by its place in the stream; the one at `dropped` never does."""
    seen: dict[int, float] = {}
    first: list[int] = []
    handle = RTCRtpReceiver._handle_rtp_packet

    async def record(receiver: RTCRtpReceiver, packet: RtpPacket, arrival_time_ms: int) -> None:
        first.append(packet.timestamp)
        place = ((packet.timestamp - first[0]) & 0xFFFF_FFFF) // TICKS
        if place != dropped:
            seen[place] = time.perf_counter()
            await handle(receiver, packet, arrival_time_ms)

    setattr(RTCRtpReceiver, handle.__name__, record)
    try:
        yield seen
    finally:
        setattr(RTCRtpReceiver, handle.__name__, handle)


async def delays_ms(packets: int) -> tuple[list[float], list[float]]:
    """Delays of the packets before and after the dropped one."""
    dropped = packets // 2
    sender, receiver = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    track: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    receiver.on("track", track.set_result)
    sender.addTrack(VoiceTrack(Silence()))
    with arrivals(dropped) as seen, webrtc_ice.gathering(webrtc_ice.Reach(is_loopback_only=True)):
        await sender.setLocalDescription(await sender.createOffer())
        await receiver.setRemoteDescription(sender.localDescription)
        await receiver.setLocalDescription(await receiver.createAnswer())
        await sender.setRemoteDescription(receiver.localDescription)
        heard: dict[int, float] = {}
        while max(heard, default=0) < packets:
            frame = await (await track).recv()
            heard.setdefault(frame.pts // TICKS, time.perf_counter())
        await asyncio.gather(sender.close(), receiver.close())
    delay = {place: (heard[place] - seen[place]) * 1000 for place in heard if place in seen}
    before = [delay[place] for place in sorted(delay) if WARM_UP <= place < dropped]
    return before, [delay[place] for place in sorted(delay) if place > dropped + WARM_UP]


def show(name: str, values: list[float]) -> None:
    p50, p90 = np.percentile(values, (50, 90))
    print(f"  {name:12} p50 {p50:6.1f}  p90 {p90:6.1f}  max {max(values):6.1f}  n {len(values)}")


def use(buffer: object, decoder: object) -> None:
    for module, name, replacement in (
        (rtcrtpreceiver, "JitterBuffer", buffer),
        (codecs, "OpusDecoder", decoder),
    ):
        setattr(module, name, replacement)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    packets = int(parser.parse_args().seconds * 50)
    webrtc_ice.install()
    paths = {
        "aiortc": (JitterBuffer, OpusDecoder),
        "sottovoce": (webrtc_receive.receive_buffer, webrtc_receive.MonoOpusDecoder),
    }
    after: dict[str, float] = {}
    for name, path in paths.items():
        use(*path)
        first, second = asyncio.run(delays_ms(packets))
        print(f"{name}: packet arrived → recv(), ms")
        show("before loss", first)
        show("after loss", second)
        after[name] = statistics.median(second)
    print(f"after one lost packet aiortc is {after['aiortc'] - after['sottovoce']:.0f} ms later")


if __name__ == "__main__":
    main()
