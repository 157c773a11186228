"""The microphone of the one participant who is heard."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from livekit import rtc
from livekit.rtc._proto.track_pb2 import AudioTrackFeature
from livekit.rtc.room import EventTypes

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation.port import SessionPort
from sottovoce.livekit.room.first_words import FirstWords
from sottovoce.livekit.room.own_sound import OwnSound, TrackGone
from sottovoce.realtime import live_sound

RATE_HZ: Final = 16_000
"""What the recogniser and the voice activity detector hear: WebRTC's resampler has done it already."""
FRAME_MS: Final = 20
MAX_WAITING_FRAMES: Final = 50
"""A second of sound that waits for a busy event loop; what is older is dropped, as a network would."""
MAX_AFTER_FIRST_WORDS: Final = 250
"""The same where it may have to wait for what was said before."""

NEWS: Final[tuple[EventTypes, ...]] = (
    "track_published",
    "track_subscribed",
    "track_unsubscribed",
    "track_unpublished",
    "reconnected",  # what was subscribed to while the connection was made anew did not reach the server
)

logger = logging.getLogger(__name__)


class Microphone:
    """`follow` one participant; whatever track is their microphone at the time is heard."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._identity: str | None = None
        self._publication: rtc.RemoteTrackPublication | None = None
        self._track: rtc.RemoteAudioTrack | None = None
        """The last one that was opened, also when it has ended."""
        self._sound: OwnSound | None = None
        self._has_sound = asyncio.Event()
        self._first_words = FirstWords(room)
        self._before: asyncio.Task[AudioFrame | None] | None = None
        """What was said before the sound began, which is to be heard first."""
        self._closing: set[asyncio.Task[None]] = set()
        for event in NEWS:
            room.on(event, self._look)

    @property
    def track_sid(self) -> str:
        """The track's that is heard; "" for none."""
        return "" if self._publication is None else self._publication.sid

    def follow(self, participant: rtc.RemoteParticipant | None) -> None:
        """None: hear nobody. The same one again: look whether anything has changed."""
        self._identity = None if participant is None else participant.identity
        self._look()

    async def run(self, session: SessionPort) -> None:
        """Push what is heard, silence after it where it stops, for as long as this runs."""
        await live_sound.hear(self._receive, session, RATE_HZ)

    async def aclose(self) -> None:
        for event in NEWS:
            self._room.off(event, self._look)
        self._drop()
        await self._first_words.aclose()
        if self._closing:
            await asyncio.wait(self._closing)

    async def _receive(self) -> AudioFrame:
        while True:
            while (sound := self._sound) is None:
                self._has_sound.clear()
                await self._has_sound.wait()
            if self._before is not None:
                if (frame := await self._first(self._before)) is not None:
                    return frame
                continue
            if (samples := await sound.get()) is not None:
                return AudioFrame(samples, RATE_HZ)
            if sound is self._sound:  # else the next one is there already
                self._drop()

    async def _first(self, before: asyncio.Task[AudioFrame | None]) -> AudioFrame | None:
        """Once. Whoever waits here may be cancelled and ask again, and the sound may change meanwhile."""
        await asyncio.wait([before])
        if before is not self._before:
            return None
        self._before = None
        return before.result()

    def _look(self, *_: object) -> None:
        """Hear the track that should be heard now; the room may have told anything."""
        wanted = self._wanted()
        if self._publication is not None and wanted is not self._publication:
            self._publication.set_subscribed(False)
            self._drop()
        if wanted is None:
            return
        if not wanted.subscribed:
            wanted.set_subscribed(True)
        if isinstance(wanted.track, rtc.RemoteAudioTrack) and wanted.track is not self._track:
            self._drop()
            self._open(wanted, wanted.track)

    def _open(self, publication: rtc.RemoteTrackPublication, track: rtc.RemoteAudioTrack) -> None:
        has_before = AudioTrackFeature.TF_PRECONNECT_BUFFER in publication.audio_features
        waiting = MAX_AFTER_FIRST_WORDS if has_before else MAX_WAITING_FRAMES
        try:
            self._sound = OwnSound(track, RATE_HZ, FRAME_MS, waiting)
        except TrackGone:
            logger.debug("a microphone has gone before it was heard")
            return
        self._publication, self._track = publication, track
        if has_before:
            self._before = asyncio.create_task(
                self._first_words.before(self._identity or "", publication.sid), name="first words"
            )
        self._has_sound.set()

    def _wanted(self) -> rtc.RemoteTrackPublication | None:
        participant = self._room.remote_participants.get(self._identity or "")
        if participant is None:
            return None
        return next((each for each in participant.track_publications.values() if _is_microphone(each)), None)

    def _drop(self) -> None:
        sound, self._sound, self._publication = self._sound, None, None
        before, self._before = self._before, None
        if before is not None:
            before.cancel()
            self._close(before)
        if sound is not None:
            self._close(asyncio.create_task(sound.aclose()))

    def _close(self, task: asyncio.Task[Any]) -> None:
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _is_microphone(publication: rtc.RemoteTrackPublication) -> bool:
    return bool(
        publication.kind == rtc.TrackKind.KIND_AUDIO
        and publication.source == rtc.TrackSource.SOURCE_MICROPHONE
    )
