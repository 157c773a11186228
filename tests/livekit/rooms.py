"""A conversation in a room of the test's, as a worker would hold it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from livekit import rtc

from sottovoce.conversation.options import SessionOptions
from sottovoce.livekit.room import converse
from sottovoce.livekit.room_options import RoomOptions
from sottovoce.realtime.opening import SessionFactory
from tests.livekit.participant import Reachable, token

ASSISTANT = "assistant"


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
    await room.connect(server.url, given, rtc.RoomOptions(auto_subscribe=False))
    over = asyncio.create_task(converse(room, make_session, defaults, options=options, stop=stop))
    try:
        yield Held(room, over, stop)
    finally:
        stop.set()
        await asyncio.wait([over])
        await room.disconnect()
