"""One conversation in one LiveKit room."""

from __future__ import annotations

import asyncio
from typing import Final

from livekit import rtc

from sottovoce.conversation.options import SessionOptions
from sottovoce.livekit.room.conversation import RoomConversation
from sottovoce.livekit.room.options import RoomOptions
from sottovoce.livekit.room.sdk_events import narrow_room
from sottovoce.realtime.commands import Close
from sottovoce.realtime.opening import SessionFactory

STOPPED: Final = Close(1001, "The server is ending this conversation.")


async def converse(
    room: rtc.Room,
    make_session: SessionFactory,
    defaults: SessionOptions,
    *,
    options: RoomOptions = RoomOptions(),  # noqa: B008  frozen
    stop: asyncio.Event | None = None,
) -> None:
    """Converse with whoever is in `room` until it is over; then nothing of it is left but the connection.

    `room` is connected with `auto_subscribe=False`: the conversation subscribes to the one microphone that
    it hears. The caller connects it right before and disconnects it afterwards. Call this on the room's
    event loop.

    It is over when all users have left for `options.departure_timeout`, when nobody came within
    `options.join_timeout`, when the room is closed or its connection is lost for good, when `stop` is set
    (the clients are told that the worker ends), or when the session fails. The session is made when the
    first user is there.

    Raises `SottovoceError` where the session cannot be made or started (the clients are told the same). When
    cancelled it releases everything too.
    """
    narrow_room(room)
    conversation = RoomConversation(room, options)
    stopping = asyncio.create_task(_stopped(conversation, stop))
    try:
        await conversation.run(make_session, defaults)
    finally:
        stopping.cancel()
        await asyncio.wait([stopping])


async def _stopped(conversation: RoomConversation, stop: asyncio.Event | None) -> None:
    if stop is not None:
        await stop.wait()
        conversation.end(STOPPED)
