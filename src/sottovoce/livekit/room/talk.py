"""What goes on between a session and a room while both are there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Final

from livekit import rtc

from sottovoce.conversation import events as told
from sottovoce.conversation.port import SessionPort
from sottovoce.errors import SottovoceError
from sottovoce.livekit.conventions import AGENT_STATE, CHAT_TOPIC
from sottovoce.livekit.room.attributes import Attributes
from sottovoce.livekit.room.clients import Clients
from sottovoce.livekit.room.inbox import Allowance, Inbox, InboxLimits
from sottovoce.livekit.room.keypad import Keypad
from sottovoce.livekit.room.notices import Notices
from sottovoce.livekit.room.transcripts import Transcripts
from sottovoce.livekit.room.users import Users
from sottovoce.livekit.room.writing import Writer
from sottovoce.realtime.audience import Audience
from sottovoce.realtime.events.extensions import RoomKeyPressed

CHAT_LIMITS: Final = InboxLimits(characters=16_000, waiting=8, burst=10, interval=1.0)
"""What somebody writes: each text is a question to the language model, and cuts the answer before it."""

KEYS: Final = (40, 0.1)
"""Keys at once, and seconds for each further one: faster than anybody dials, slower than a flood."""

LAST_WORDS: Final = 1.0
"""Seconds for transcripts that are not sent yet when all is over."""


class Talk:
    """`run` it; `aclose` it in any case."""

    def __init__(
        self,
        room: rtc.Room,
        session: SessionPort,
        audience: Audience,
        transcripts: Transcripts,
        *,
        users: Users,
        clients: Clients,
        notices: Notices,
        attributes: Attributes,
    ) -> None:
        self._room, self._session, self._audience = room, session, audience
        self._users, self._clients, self._notices = users, clients, notices
        self._transcripts, self._attributes = transcripts, attributes
        self._writer = Writer(audience)
        self._keypad = Keypad(self._dialled)
        self._keys = Allowance(*KEYS, time.monotonic)
        self._chat = Inbox(room, CHAT_TOPIC, CHAT_LIMITS, self._written, notices.refuse)
        room.on("sip_dtmf_received", self._pressed)

    @property
    def loops(self) -> list[Coroutine[Any, Any, None]]:
        """They run until the session ends."""
        return [self._tell(), self._transcripts.run()]

    async def aclose(self) -> None:
        self._room.off("sip_dtmf_received", self._pressed)
        self._keypad.close()
        await self._chat.aclose()
        try:
            async with asyncio.timeout(LAST_WORDS):
                await self._transcripts.aclose()
        except TimeoutError:
            return  # the room takes nothing any more

    async def _tell(self) -> None:
        async for event in self._session.events():
            self._audience.apply(event)
            self._transcripts.apply(event)
            if isinstance(event, told.StateChanged):
                self._attributes.set(AGENT_STATE, event.state)

    async def _written(self, identity: str, text: str) -> None:
        if await self._users.meet(identity) is not None:
            self._writer.write(text)

    def _pressed(self, key: rtc.SipDTMF) -> None:
        user = key.participant and self._users.find(key.participant.identity)
        if user is not None and self._keys.take():
            self._clients.tell(RoomKeyPressed(participant_identity=user.identity, digit=key.digit))
            self._keypad.press(user.identity, key.digit)

    def _dialled(self, identity: str, keys: str) -> None:
        if self._users.find(identity) is None:
            return  # who has hung up asks nothing more
        try:
            self._writer.write(f"pressed {keys}")
        except SottovoceError as error:
            self._notices.refuse(identity, error)
