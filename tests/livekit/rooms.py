"""A conversation in a room of the test's, as a worker would hold it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from livekit import rtc

from sottovoce.audio.playout import FRAME_BYTES, PLAYOUT_RATE_HZ, PlayoutFrame
from sottovoce.conversation.options import SessionOptions
from sottovoce.errors import SottovoceError
from sottovoce.livekit.room.converse import converse
from sottovoce.livekit.room.options import RoomOptions
from sottovoce.livekit.worker.room_job import ROOM_OPTIONS
from sottovoce.realtime.opening import SessionFactory
from tests.fake_session import TalkingSession
from tests.livekit.participant import Reachable, token

ASSISTANT = "assistant"
TONE_HZ = 440


class AudibleSession(TalkingSession):
    """Its voice is a tone."""

    def queue_speech(self, frames: int, response_id: str = "resp_1", item_id: str = "item_a") -> None:
        wave = np.sin(np.arange(frames * FRAME_BYTES // 2) * 2 * np.pi * TONE_HZ / PLAYOUT_RATE_HZ) * 8_000
        for pcm in wave.astype("<i2").reshape(frames, -1):
            self.playout.frames.append(PlayoutFrame(response_id, item_id, pcm.tobytes()))


@dataclass
class Sessions:
    """Makes sessions that talk; with an `error`, ones that cannot be started."""

    frames: int = 30
    error: SottovoceError | None = None
    made: list[AudibleSession] = field(default_factory=list)

    def __call__(self, options: SessionOptions) -> AudibleSession:
        session = AudibleSession(options)
        session.frames, session.start_error = self.frames, self.error
        self.made.append(session)
        return session

    @property
    def one(self) -> AudibleSession:
        (session,) = self.made
        return session


@dataclass
class Held:
    """A running conversation; `over` is its task, which a test may await."""

    room: rtc.Room
    over: asyncio.Task[None]
    stop: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def holding(
    server: Reachable,
    room_name: str,
    make_session: SessionFactory,
    options: RoomOptions = RoomOptions(),  # noqa: B008  frozen
    defaults: SessionOptions = SessionOptions(),  # noqa: B008  frozen
) -> AsyncIterator[Held]:
    room, stop = rtc.Room(), asyncio.Event()
    given = token(server, room_name, ASSISTANT, kind="agent")
    await room.connect(server.url, given, ROOM_OPTIONS)
    over = asyncio.create_task(converse(room, make_session, defaults, options=options, stop=stop))
    try:
        yield Held(room, over, stop)
    finally:
        stop.set()
        await asyncio.wait([over])
        await room.disconnect()
