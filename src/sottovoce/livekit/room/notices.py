"""What the assistant has to tell one participant in writing: on `lk.chat`, or as a Realtime event."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from livekit import rtc

from sottovoce.errors import SottovoceError
from sottovoce.livekit.conventions import CHAT_TOPIC, REALTIME_TOPIC
from sottovoce.livekit.room.clients import Clients
from sottovoce.livekit.room.users import Users, is_caller
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.session import ErrorEvent

MAX_WAITING: Final = 32
"""Notices that wait to be sent; the oldest are dropped beyond it."""

logger = logging.getLogger(__name__)


class Notices:
    """`run` sends them. Who is on the telephone gets none; who reads Realtime events reads them there."""

    def __init__(self, room: rtc.Room, users: Users, clients: Clients) -> None:
        self._room, self._users, self._clients = room, users, clients
        self._waiting: deque[tuple[str, str, str]] = deque(maxlen=MAX_WAITING)
        self._is_filled = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def note(self, identity: str, text: str) -> None:
        """For who reads the chat."""
        user = self._users.find(identity)
        if user is None or is_caller(user) or identity in self._clients:
            return
        self._put(identity, CHAT_TOPIC, text)

    def answer(self, identity: str, event: ServerEvent) -> None:
        """To one who sends Realtime events and gets none."""
        if self._users.find(identity) is not None:
            self._put(identity, REALTIME_TOPIC, event.to_json())

    def refuse(self, identity: str, error: SottovoceError) -> None:
        """What `identity` asked for is not to be had."""
        if identity in self._clients:
            self._clients.tell_one(identity, ErrorEvent.of(error))
        else:
            self.note(identity, error.message)

    def note_all(self, text: str) -> None:
        for user in self._users:
            self.note(user.identity, text)

    async def flush(self) -> None:
        """Until all are sent."""
        await self._is_empty.wait()

    async def run(self) -> None:
        while True:
            while not self._waiting:
                self._is_empty.set()
                self._is_filled.clear()
                await self._is_filled.wait()
            await self._send(*self._waiting.popleft())

    def _put(self, identity: str, topic: str, text: str) -> None:
        self._waiting.append((identity, topic, text))
        self._is_empty.clear()
        self._is_filled.set()

    async def _send(self, identity: str, topic: str, text: str) -> None:
        try:
            await self._room.local_participant.send_text(text, topic=topic, destination_identities=[identity])
        except rtc.StreamError as error:
            logger.info("a notice did not reach its participant: %s", error)
