"""The Realtime protocol over WebRTC: sound on tracks, events on the `oai-events` data channel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.rtcrtpreceiver import RTCRtpReceiver

from sottovoce.conversation.port import SessionPort
from sottovoce.errors import InvalidRequestError, ServerFullError
from sottovoce.ids import random_id
from sottovoce.realtime import webrtc_ice, webrtc_receive
from sottovoce.realtime.commands import Close
from sottovoce.realtime.connection import Connection
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.protocol import ProtocolOptions, RealtimeProtocol
from sottovoce.realtime.webrtc_ice import Reach
from sottovoce.realtime.webrtc_microphone import hear
from sottovoce.realtime.webrtc_track import VoiceTrack

logger = logging.getLogger(__name__)

CHANNEL = "oai-events"

MAX_MESSAGE_BYTES = 256 * 1024
"""One client message; what browsers and aiortc advertise, and more than a data channel should carry."""

MAX_WAITING_BYTES = 1 << 20
"""Events waiting for a client that does not read; the call is ended beyond it."""

NEGOTIATION_DEADLINE = 5.0
CLOSE_DEADLINE = 5.0


@dataclass(frozen=True, slots=True)
class CallOptions:
    """`connect_deadline`: seconds for a caller to come through with its data channel."""

    reach: Reach = field(default_factory=Reach)
    connect_deadline: float = 15.0


class Call:
    """One call over a started session: `answer` an offer (see `check_offer`), then `run` until it is over.

    `run` releases everything. `on_connected` is told once, when the caller has come through.
    """

    def __init__(
        self,
        session: SessionPort,
        protocol_options: ProtocolOptions,
        options: CallOptions | None = None,
        *,
        on_connected: Callable[[], None] = lambda: None,
    ) -> None:
        webrtc_receive.install()
        webrtc_ice.install()
        self.id = random_id("rtc")
        self.session = session
        self._connection = Connection(
            session, RealtimeProtocol(session.id, session.options, protocol_options)
        )
        self._options = options or CallOptions()
        self._on_connected = on_connected
        self._channel: RTCDataChannel | None = None
        self._microphone: asyncio.Task[None] | None = None
        self._is_connected = asyncio.Event()
        self._is_ended = asyncio.Event()
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

    def end(self) -> None:
        """Hang up: `run` returns soon. Idempotent."""
        self._is_ended.set()
        self._is_connected.set()

    async def aclose(self) -> None:
        """Release peer, session and tasks. Idempotent; `run` and a failed `answer` do it themselves."""
        self.end()
        if self._microphone is not None:
            self._microphone.cancel()
            await asyncio.gather(self._microphone, return_exceptions=True)
        try:
            async with asyncio.timeout(CLOSE_DEADLINE):
                await self._peer.close()
        except TimeoutError:
            logger.error("call %s: its peer connection did not close within %s s", self.id, CLOSE_DEADLINE)
        finally:
            await self.session.aclose()

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
            self._send(self._connection.apply(event))

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
        self._channel = channel
        channel.on("message", self._received)
        channel.on("close", self.end)
        self._send(self._connection.protocol.opened())
        self._is_connected.set()
        self._on_connected()

    def _watched_state(self) -> None:
        if self._peer.connectionState in ("failed", "closed"):
            self.end()

    def _received(self, message: str | bytes) -> None:
        if len(message) > MAX_MESSAGE_BYTES:
            logger.info("call %s: ended, a message is larger than %s bytes", self.id, MAX_MESSAGE_BYTES)
            self.end()
            return
        try:
            self._send(self._connection.receive(message))
        except Exception:  # raised on, it would stop aiortc's receiving without a word
            logger.exception("call %s: ended by an unexpected error", self.id)
            self.end()

    def _send(self, answers: Iterable[ServerEvent | Close]) -> None:
        for answer in answers:
            if isinstance(answer, Close):
                logger.info("call %s: ended, %s", self.id, answer.reason)
                self.end()
            else:
                self._send_text(answer.to_json())

    def _send_text(self, text: str) -> None:
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return  # the caller has left, and `run` is about to
        if channel.bufferedAmount > MAX_WAITING_BYTES:
            logger.warning("call %s: ended, the client does not read its events", self.id)
            self.end()
            return
        channel.send(text)


def _unusable(reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"The SDP offer cannot be used: {reason}.", param="sdp", code="invalid_offer")


def _opus() -> list[RTCRtpCodecCapability]:
    """The voice is sent as ready Opus packets, so nothing else may be agreed on."""
    known = RTCRtpReceiver.getCapabilities("audio")
    assert known is not None
    return [codec for codec in known.codecs if codec.mimeType.lower() == "audio/opus"]
