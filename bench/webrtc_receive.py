"""How long a packet of the caller's voice takes to become sound: aiortc's own receive path against ours.

Two peers of one process over loopback, 20 ms packets. After a third of them one is dropped, and in the last
third 3 % are, at random. Run it alone:

    python bench/webrtc_receive.py [--seconds 12]

Prints, for each path, the delay from the packet's arrival to `track.recv()` in each third.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Callable, Iterator
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
LOSS = 0.03


class Silence:
    output_delay = 0.0

    def pull(self) -> PlayoutFrame | None:
        return None


@contextmanager
def arrivals(is_lost: Callable[[int], bool]) -> Iterator[dict[int, float]]:
    """When each packet arrived, by its place in the stream; those that are lost never do."""
    seen: dict[int, float] = {}
    first: list[int] = []
    handle = RTCRtpReceiver._handle_rtp_packet

    async def record(receiver: RTCRtpReceiver, packet: RtpPacket, arrival_time_ms: int) -> None:
        first.append(packet.timestamp)
        place = ((packet.timestamp - first[0]) & 0xFFFF_FFFF) // TICKS
        if not is_lost(place):
            seen[place] = time.perf_counter()
            await handle(receiver, packet, arrival_time_ms)

    setattr(RTCRtpReceiver, handle.__name__, record)
    try:
        yield seen
    finally:
        setattr(RTCRtpReceiver, handle.__name__, handle)


async def delays_ms(packets: int) -> dict[str, list[float]]:
    """Delays of the packets of each third; a third's first ones do not count."""
    chance, third = random.Random(7), packets // 3
    starts = {"before loss": 0, "one lost": third, "3 % lost": 2 * third}
    sender, receiver = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    track: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    receiver.on("track", track.set_result)
    sender.addTrack(VoiceTrack(Silence()))

    def is_lost(place: int) -> bool:
        return place == third or (place > 2 * third and chance.random() < LOSS)

    reach = webrtc_ice.Reach(is_loopback_only=True)
    with arrivals(is_lost) as seen, webrtc_ice.gathering(reach):
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
    return {
        name: [delay[place] for place in delay if start + WARM_UP <= place < start + third]
        for name, start in starts.items()
    }


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
    parser.add_argument("--seconds", type=float, default=12.0)
    packets = int(parser.parse_args().seconds * 50)
    webrtc_ice.install()
    paths = {
        "aiortc": (JitterBuffer, OpusDecoder),
        "sottovoce": (webrtc_receive.receive_buffer, webrtc_receive.MonoOpusDecoder),
    }
    after: dict[str, float] = {}
    for name, path in paths.items():
        use(*path)
        print(f"{name}: packet arrived → recv(), ms")
        for phase, delays in asyncio.run(delays_ms(packets)).items():
            show(phase, delays)
            after[name] = statistics.median(delays)
    print(f"with {LOSS:.0%} lost aiortc is {after['aiortc'] - after['sottovoce']:.0f} ms later")


if __name__ == "__main__":
    main()
