"""The Realtime protocol over WebRTC: sound on tracks, events on the `oai-events` data channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.rtcrtpreceiver import RTCRtpReceiver

from sottovoce.conversation.port import SessionPort
from sottovoce.errors import InvalidRequestError, ServerFullError
from sottovoce.ids import random_id
from sottovoce.realtime import webrtc_ice, webrtc_receive, webrtc_sctp
from sottovoce.realtime.audience import Audience
from sottovoce.realtime.commands import Close
from sottovoce.realtime.connection import Connection
from sottovoce.realtime.protocol import RealtimeProtocol
from sottovoce.realtime.webrtc_channel import CHANNEL, EventChannel
from sottovoce.realtime.webrtc_ice import Reach
from sottovoce.realtime.webrtc_microphone import hear
from sottovoce.realtime.webrtc_track import VoiceTrack

logger = logging.getLogger(__name__)

NEGOTIATION_DEADLINE = 5.0
CLOSE_DEADLINE = 5.0


@dataclass(frozen=True, slots=True)
class CallOptions:
    """`connect_deadline`: seconds for a caller to come through with its data channel."""

    reach: Reach = field(default_factory=Reach)
    connect_deadline: float = 15.0


class Call:
    """One call over a started session: `answer` an offer (see `check_offer`), then `run` until it is over.

    `run` releases everything. `on_connected` is told once, when the caller has come through. Sidebands join
    the `audience` at any time until then.
    """

    def __init__(
        self,
        session: SessionPort,
        protocol: RealtimeProtocol,
        options: CallOptions | None = None,
        *,
        on_connected: Callable[[], None] = lambda: None,
    ) -> None:
        webrtc_receive.install()
        webrtc_ice.install()
        webrtc_sctp.install()
        self.id = random_id("rtc")
        self.session = session
        self.audience = Audience(Connection(session, protocol))
        self._options = options or CallOptions()
        self._on_connected = on_connected
        self._channel: EventChannel | None = None
        self._microphone: asyncio.Task[None] | None = None
        self._is_connected = asyncio.Event()
        self._is_ended = asyncio.Event()
        self._is_released = False
        self._ending = Close(1000, "The call has ended.")
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # none, or aiortc asks Google's STUN
        self._peer.on("track", self._heard_track)
        self._peer.on("datachannel", self._opened_channel)
        self._peer.on("connectionstatechange", self._watched_state)

    async def answer(self, offer: str) -> str:
        """The SDP answer to a checked offer, with all of this machine's candidates.

        Raises `InvalidRequestError` where aiortc cannot use the offer. Where this fails, the call is closed.
        """
        try:
            async with asyncio.timeout(NEGOTIATION_DEADLINE):
                return await self._negotiate(offer)
        except TimeoutError:
            await self.aclose()
            raise _unusable(f"it took longer than {NEGOTIATION_DEADLINE} s to answer") from None
        except BaseException:
            await self.aclose()
            raise

    async def _negotiate(self, offer: str) -> str:
        voice = self._peer.addTransceiver(VoiceTrack(self.session.playout), direction="sendrecv")
        voice.setCodecPreferences(_opus())
        with webrtc_ice.gathering(self._options.reach):
            try:
                await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
                await self._peer.setLocalDescription(await self._peer.createAnswer())
            except ServerFullError:  # no port was free: not the offer's fault
                raise
            except Exception as error:  # aiortc raises half a dozen types at what it cannot parse
                logger.info("an SDP offer was refused: %s", type(error).__name__)
                raise _unusable("it breaks the format") from error
        return str(self._peer.localDescription.sdp)

    async def run(self) -> None:
        """Until the caller hangs up or vanishes, `end` is called, or nobody comes through in time."""
        tasks = [asyncio.create_task(work) for work in (self._wait(), self._tell())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.aclose()

    def end(self, ending: Close | None = None) -> None:
        """Hang up: `run` returns soon, and sidebands are told `ending`; the first counts. Idempotent."""
        if not self._is_ended.is_set():
            self._ending = ending or self._ending
        self._is_ended.set()
        self._is_connected.set()

    async def aclose(self) -> None:
        """Release peer, session and tasks. Idempotent; `run` and a failed `answer` do it themselves."""
        self.end()
        self.audience.dismiss(self._ending)
        if self._microphone is not None:
            self._microphone.cancel()
            await asyncio.gather(self._microphone, return_exceptions=True)
        try:
            await self._close_peer()
        finally:
            await self.session.aclose()

    async def _close_peer(self) -> None:
        if self._is_released:  # aiortc waits for ever for a first closing that failed
            return
        self._is_released = True
        try:
            async with asyncio.timeout(CLOSE_DEADLINE):
                await self._peer.close()
        except TimeoutError:
            logger.error("call %s: its peer connection did not close within %s s", self.id, CLOSE_DEADLINE)
        except Exception:  # aiortc raises what it likes at a connection that a bad offer left half made
            logger.warning("call %s: its peer connection did not close cleanly", self.id, exc_info=True)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._options.connect_deadline):
                await self._is_connected.wait()
        except TimeoutError:
            logger.info("call %s: not connected within %s s", self.id, self._options.connect_deadline)
            return
        await self._is_ended.wait()

    async def _tell(self) -> None:
        await self._is_connected.wait()
        async for event in self.session.events():
            self.audience.apply(event)

    # -- told by aiortc

    def _heard_track(self, track: MediaStreamTrack) -> None:
        if self._microphone is None:
            self._microphone = asyncio.create_task(hear(track, self.session))
            self._microphone.add_done_callback(self._stopped_hearing)

    def _stopped_hearing(self, microphone: asyncio.Task[None]) -> None:
        if not microphone.cancelled() and (error := microphone.exception()) is not None:
            logger.error("call %s: ended by an unexpected error", self.id, exc_info=error)
            self.end()

    def _opened_channel(self, channel: RTCDataChannel) -> None:
        if channel.label != CHANNEL or self._channel is not None:
            logger.info("call %s: a data channel other than %s was closed", self.id, CHANNEL)
            channel.close()
            return
        self._channel = EventChannel(channel, self._let_go)
        channel.on("message", self._received)
        channel.on("close", self.end)
        self.audience.open(self._channel)
        self._is_connected.set()
        self._on_connected()

    def _watched_state(self) -> None:
        if self._peer.connectionState in ("failed", "closed"):
            self.end()

    def _received(self, message: str | bytes) -> None:
        assert self._channel is not None
        try:
            if self._channel.is_fit(message):
                self.audience.receive(message, self._channel)
        except Exception:  # raised on, it would stop aiortc's receiving without a word
            logger.exception("call %s: ended by an unexpected error", self.id)
            self.end(Close(1011, "The server met an unexpected error."))

    def _let_go(self, reason: str) -> None:
        logger.info("call %s: ended, %s", self.id, reason)
        self.end()


def _unusable(reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"The SDP offer cannot be used: {reason}.", param="sdp", code="invalid_offer")


def _opus() -> list[RTCRtpCodecCapability]:
    """The voice is sent as ready Opus packets, so nothing else may be agreed on."""
    known = RTCRtpReceiver.getCapabilities("audio")
    assert known is not None
    return [codec for codec in known.codecs if codec.mimeType.lower() == "audio/opus"]
