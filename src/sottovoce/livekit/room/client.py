"""One participant who gets OpenAI's Realtime events, with what waits to be sent there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from livekit import rtc

from sottovoce.livekit.conventions import REALTIME_TOPIC
from sottovoce.realtime.commands import Close
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.extensions import SessionEnded
from sottovoce.realtime.outbox import Outbox, OutboxFull

MAX_UNSENT_BYTES: Final = 1 << 20
"""Events waiting for a client that they do not reach; it is let go beyond it."""

TOO_SLOW: Final = Close(1013, "The client reads too slowly.")
LOST: Final = Close(1011, "An event was lost on its way.")

logger = logging.getLogger(__name__)


class Client:
    """One participant's side. Its events are sent one after the other, so they arrive in order."""

    def __init__(self, room: rtc.Room, identity: str) -> None:
        self.identity = identity
        self.ending: Close | None = None
        self._room = room
        self._outbox = Outbox(MAX_UNSENT_BYTES)
        self._task = asyncio.create_task(self._run(), name=f"events for {identity}")

    def tell(self, answers: Iterable[ServerEvent | Close]) -> None:
        for answer in answers:
            if self.ending is not None:
                return
            if isinstance(answer, Close):
                self._end(answer)
            else:
                self._put(answer)

    async def wait(self) -> None:
        """Until the last of it is sent."""
        await asyncio.wait([self._task])

    async def aclose(self) -> None:
        self._task.cancel()
        await self.wait()

    def drop(self) -> None:
        """The participant has gone."""
        self._task.cancel()

    def _put(self, event: ServerEvent) -> None:
        try:
            self._outbox.put(event.to_json())
        except OutboxFull:
            logger.warning("a client of the room reads too slowly and is let go")
            self._outbox = Outbox(MAX_UNSENT_BYTES)
            self._end(TOO_SLOW)

    def _end(self, ending: Close) -> None:
        self._put(SessionEnded(code=ending.code, reason=ending.reason))
        self.ending = ending

    async def _run(self) -> None:
        """Ends after the last event of one that has an ending."""
        while self.ending is None or self._outbox.used_bytes:
            text = await self._outbox.get()
            try:
                await self._room.local_participant.send_text(
                    text, topic=REALTIME_TOPIC, destination_identities=[self.identity]
                )
            except rtc.StreamError as error:
                logger.info("an event did not reach a client of the room: %s", error)
                self.ending = LOST
                return
