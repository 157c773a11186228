"""What somebody said before the assistant could hear them: LiveKit's pre-connect audio.

LiveKit's clients record from the moment the microphone is open, and send the recording as a byte stream to
the first agent that comes: WebM or MP4 from a browser, bare samples from a phone. The recording ends where
the track begins to be heard.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from contextlib import aclosing
from dataclasses import dataclass
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Final, TypeAlias

import numpy as np
from livekit import rtc

from sottovoce.audio.decode import SAMPLE_RATE_HZ, DecodeLimits, decode
from sottovoce.audio.frame import BYTES_PER_SAMPLE, AudioFrame
from sottovoce.conversation.recordings import check_rate
from sottovoce.errors import BadAudioError, SottovoceError, TooLargeError
from sottovoce.livekit.conventions import FIRST_WORDS_TOPIC

PATIENCE: Final = 3.0
"""Seconds that what is heard live waits for what was said before; as long as RoomIO's."""
MAX_AGE: Final = 5.0
"""Seconds after which a recording is not pushed any more: its sender was not the one to be heard."""
READ_DEADLINE: Final = 15.0
"""Seconds for the whole of one stream: clients record ten at most."""
MAX_DURATION: Final = 15.0
"""Seconds of one recording."""
MAX_BYTES: Final = 1 << 20
"""Of one recording; ten seconds at 48 kHz have 960 kB."""
MAX_STREAMS: Final = 4
"""Of a room, being read at once, and as many read and not asked for: memory that anybody could fill."""
MAX_CHANNELS: Final = 8

LIMITS: Final = DecodeLimits(MAX_DURATION, stall_deadline=5.0, cpu_time=15)
CONTAINERS: Final = ("audio/webm", "audio/ogg", "audio/opus", "audio/mp4", "video/webm", "video/mp4")
"""Everything else is samples, s16le, whatever it calls itself."""

Key: TypeAlias = tuple[str, str]
"""A participant's identity, and the track that the words come before."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recording:
    data: bytes
    mime_type: str
    rate_hz: int
    channels: int
    ended_at: float

    async def decoded(self) -> AudioFrame:
        """Raises `SottovoceError`."""
        frame = await self._unpacked() if self.mime_type.startswith(CONTAINERS) else self._mixed()
        check_rate(frame)
        if frame.duration > MAX_DURATION:
            raise TooLargeError(f"It lasts more than {MAX_DURATION:.0f} s.")
        return frame

    async def _unpacked(self) -> AudioFrame:
        samples = BytesIO()
        with await asyncio.to_thread(_file, self.data) as file:
            async with aclosing(decode(file, LIMITS)) as chunks:
                async for chunk in chunks:
                    samples.write(chunk)
        return AudioFrame(samples.getvalue(), SAMPLE_RATE_HZ)

    def _mixed(self) -> AudioFrame:
        size = self.channels * BYTES_PER_SAMPLE
        whole = self.data[: len(self.data) - len(self.data) % size]
        if self.channels > 1:
            channels = np.frombuffer(whole, "<i2").reshape(-1, self.channels)
            whole = channels.mean(axis=1).astype("<i2").tobytes()
        return AudioFrame(whole, self.rate_hz)


class FirstWords:
    """Recordings of the room from its making on, each until `before` asks for it."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._recordings: dict[Key, asyncio.Future[Recording]] = {}
        self._asked: set[Key] = set()
        self._reading: dict[asyncio.Task[None], str] = {}
        room.register_byte_stream_handler(FIRST_WORDS_TOPIC, self._opened)
        room.on("participant_disconnected", self._left)

    async def before(self, identity: str, track_sid: str) -> AudioFrame | None:
        """What `identity` said before the track was heard, waited for a while; None for nothing, and for
        what was asked for already."""
        key = (identity, track_sid)
        if key in self._asked:
            return None
        self._asked.add(key)
        recording = await self._found(key)
        if recording is None or time.monotonic() - recording.ended_at > MAX_AGE:
            return None
        try:
            return await recording.decoded()
        except (SottovoceError, OSError) as error:
            logger.warning("what was said before the assistant came is not understood: %s", error)
            return None

    async def aclose(self) -> None:
        self._room.unregister_byte_stream_handler(FIRST_WORDS_TOPIC)
        self._room.off("participant_disconnected", self._left)
        reading = list(self._reading)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    async def _found(self, key: Key) -> Recording | None:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._future(key)
        except TimeoutError:
            logger.info("what was said before the assistant came did not come within %s s", PATIENCE)
            return None
        finally:
            self._recordings.pop(key, None)

    def _future(self, key: Key) -> asyncio.Future[Recording]:
        return self._recordings.setdefault(key, asyncio.get_running_loop().create_future())

    def _opened(self, reader: rtc.ByteStreamReader, identity: str) -> None:
        if len(self._reading) >= MAX_STREAMS:
            reader.close()
            logger.warning("too many recordings come at once; one was left out")
            return
        task = asyncio.create_task(self._read(reader, identity), name=f"first words of {identity}")
        self._reading[task] = identity
        task.add_done_callback(self._reading.pop)

    async def _read(self, reader: rtc.ByteStreamReader, identity: str) -> None:
        try:
            async with asyncio.timeout(READ_DEADLINE):
                self._keep((identity, _track_sid(reader)), await _recording(reader))
        except (SottovoceError, rtc.StreamError, TimeoutError) as error:
            logger.warning("what was said before the assistant came was not taken: %s", error)
        finally:
            reader.close()

    def _keep(self, key: Key, recording: Recording) -> None:
        if key in self._asked and key not in self._recordings:
            return  # too late
        future = self._future(key)
        if not future.done():
            future.set_result(recording)
        unasked = [known for known, kept in self._recordings.items() if kept.done()]
        for known in unasked[:-MAX_STREAMS]:
            del self._recordings[known]

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        gone = participant.identity
        for task, identity in self._reading.items():
            if identity == gone:
                task.cancel()
        self._asked = {key for key in self._asked if key[0] != gone}
        self._recordings = {
            key: kept for key, kept in self._recordings.items() if key[0] != gone or not kept.done()
        }


async def _recording(reader: rtc.ByteStreamReader) -> Recording:
    """Raises `SottovoceError`, and what the reader raises."""
    rate_hz, channels = _number(reader, "sampleRate"), _number(reader, "channels")
    if channels > MAX_CHANNELS:
        raise BadAudioError(f"It has {channels} channels; 1 to {MAX_CHANNELS} are taken.")
    data = bytearray()
    async for chunk in reader:
        data += chunk
        if len(data) > MAX_BYTES:
            raise TooLargeError(f"It has more than {MAX_BYTES} bytes.")
    return Recording(bytes(data), reader.info.mime_type.lower(), rate_hz, channels, time.monotonic())


def _track_sid(reader: rtc.ByteStreamReader) -> str:
    return (reader.info.attributes or {}).get("trackId", "")


def _number(reader: rtc.ByteStreamReader, name: str) -> int:
    given = (reader.info.attributes or {}).get(name, "")
    if not (given.isascii() and given.isdigit() and int(given[:9]) > 0):
        raise BadAudioError(f"Its attribute {name} is no number.")
    return int(given[:9])


def _file(data: bytes) -> IO[bytes]:
    """With a descriptor, and in memory where the system can do that: what is said touches no disk."""
    is_memory = sys.platform == "linux"
    file = os.fdopen(os.memfd_create("words"), "w+b") if is_memory else TemporaryFile()  # noqa: SIM115
    file.write(data)
    file.flush()
    return file
