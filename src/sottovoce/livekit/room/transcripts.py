"""What is said, as LiveKit's front ends read it: text streams of `lk.transcription`.

As livekit-agents' RoomIO tells it: the user's words in a stream of their own for every change, all of one
segment id; the assistant's in one stream for each reply, growing in step with the sound. The sender is who
spoke. Clients that know no such streams are told the same as `rtc.Transcription`s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from livekit import rtc
from livekit.agents.types import CLIENT_PROTOCOL_TRANSCRIPTION_STREAMS
from livekit.rtc.participant import PublishTranscriptionError

from sottovoce.conversation import events as told
from sottovoce.livekit.conventions import (
    TRANSCRIPTION_FINAL,
    TRANSCRIPTION_SEGMENT,
    TRANSCRIPTION_TOPIC,
    TRANSCRIPTION_TRACK,
)
from sottovoce.livekit.room.users import is_user

MAX_WAITING: Final = 64
"""Segments that wait to be sent, each with all of its words: a room that takes nothing for minutes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mouth:
    """Who says something: a participant's identity and the track it is heard on."""

    identity: str
    track_sid: str


@dataclass(slots=True)
class Segment:
    """`text` is all that is said by now, `sent` characters of it are told; `stream` is the assistant's."""

    id: str
    mouth: Mouth
    role: Literal["user", "assistant"]
    text: str = ""
    sent: int = 0
    is_final: bool = False
    stream: rtc.TextStreamWriter | None = None

    def attributes(self, *, is_final: bool) -> dict[str, str]:
        named = {TRANSCRIPTION_SEGMENT: self.id, TRANSCRIPTION_FINAL: "true" if is_final else "false"}
        return named | ({TRANSCRIPTION_TRACK: self.mouth.track_sid} if self.mouth.track_sid else {})


class Transcripts:
    """`apply` what the session tells; `run` sends it, the latest of each segment where sending is slow.

    `speaker` and `assistant` tell whose words they are now. Replies that `is_hidden` names are not shown.
    """

    def __init__(
        self,
        room: rtc.Room,
        speaker: Callable[[], Mouth | None],
        assistant: Callable[[], Mouth],
        is_hidden: Callable[[str], bool],
    ) -> None:
        self._room = room
        self._speaker = speaker
        self._assistant = assistant
        self._is_hidden = is_hidden
        self._open: dict[str, Segment] = {}
        self._waiting: dict[str, Segment] = {}
        self._is_filled = asyncio.Event()

    def apply(self, event: told.SessionEvent) -> None:
        match event:
            case told.Transcript():
                self._heard(event)
            case told.TranscriptionFailed():
                self._end(event.item_id)
            case told.ReplyStarted() if event.modality == "audio" or not self._is_hidden(event.response_id):
                segment = Segment(event.item_id, self._assistant(), "assistant")
                self._open[event.response_id] = segment
            case told.ReplyText() if event.response_id in self._open:
                self._open[event.response_id].text += event.delta
                self._put(self._open[event.response_id])
            case told.ReplyFinished():
                self._end(event.response_id)

    def _heard(self, event: told.Transcript) -> None:
        """Noise that never had words is nobody's to read."""
        if event.item_id not in self._open:
            mouth = self._speaker()
            if mouth is None or not event.text:
                return
            self._open[event.item_id] = Segment(event.item_id, mouth, "user")
        segment = self._open[event.item_id]
        segment.text, segment.is_final = event.text, event.is_final
        if event.is_final:
            del self._open[event.item_id]
        self._put(segment)

    def _end(self, key: str) -> None:
        segment = self._open.pop(key, None)
        if segment is not None and segment.text:
            segment.is_final = True
            self._put(segment)

    def _put(self, segment: Segment) -> None:
        self._waiting[segment.id] = segment
        if len(self._waiting) > MAX_WAITING:
            self._waiting.pop(next(iter(self._waiting)))
            logger.warning("a transcript was dropped: the room takes none")
        self._is_filled.set()

    async def run(self) -> None:
        while True:
            while not self._waiting:
                self._is_filled.clear()
                await self._is_filled.wait()
            await self._send(self._waiting.pop(next(iter(self._waiting))))

    async def aclose(self) -> None:
        """What is said is final now."""
        for key in tuple(self._open):
            self._end(key)
        while self._waiting:
            await self._send(self._waiting.pop(next(iter(self._waiting))))

    async def _send(self, segment: Segment) -> None:
        if not self._room.isconnected():
            return
        text, is_final = segment.text, segment.is_final
        try:
            if segment.role == "user":
                await self._tell_all(segment, text, is_final=is_final)
            else:
                await self._tell_more(segment, text, is_final=is_final)
            if self._has_older_clients():
                await self._tell_older(segment, text, is_final=is_final)
        except (rtc.StreamError, PublishTranscriptionError) as error:
            logger.warning("a transcript did not reach the room: %s", error)

    async def _tell_all(self, segment: Segment, text: str, *, is_final: bool) -> None:
        stream = await self._stream(segment, is_final=is_final)
        await stream.write(text)
        await stream.aclose()

    async def _tell_more(self, segment: Segment, text: str, *, is_final: bool) -> None:
        if segment.stream is None:
            segment.stream = await self._stream(segment, is_final=False)
        if len(text) > segment.sent:
            await segment.stream.write(text[segment.sent :])
            segment.sent = len(text)
        if is_final:
            await segment.stream.aclose(attributes=segment.attributes(is_final=True))

    async def _stream(self, segment: Segment, *, is_final: bool) -> rtc.TextStreamWriter:
        return await self._room.local_participant.stream_text(
            topic=TRANSCRIPTION_TOPIC,
            sender_identity=segment.mouth.identity,
            attributes=segment.attributes(is_final=is_final),
        )

    def _has_older_clients(self) -> bool:
        """As RoomIO finds it: livekit's SDK tells it nowhere else than in `_info`, and is pinned."""
        return any(
            is_user(each)
            and each.kind == rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
            and each._info.client_protocol < CLIENT_PROTOCOL_TRANSCRIPTION_STREAMS
            for each in self._room.remote_participants.values()
        )

    async def _tell_older(self, segment: Segment, text: str, *, is_final: bool) -> None:
        if not segment.mouth.track_sid:
            return
        said = rtc.TranscriptionSegment(
            id=segment.id, text=text, start_time=0, end_time=0, final=is_final, language=""
        )
        transcription = rtc.Transcription(
            participant_identity=segment.mouth.identity,
            track_sid=segment.mouth.track_sid,
            segments=[said],
        )
        await self._room.local_participant.publish_transcription(transcription)
