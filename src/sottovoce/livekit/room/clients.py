"""Participants who want OpenAI's Realtime events: each a listener of the conversation, with an outbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from livekit import rtc

from sottovoce.errors import InvalidRequestError, LimitExceededError, SottovoceError
from sottovoce.livekit.conventions import REALTIME_CLIENT, REALTIME_TOPIC
from sottovoce.livekit.room.inbox import Inbox, InboxLimits
from sottovoce.livekit.room.users import Users
from sottovoce.realtime.audience import Audience
from sottovoce.realtime.commands import Close
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.extensions import RoomSpeaker, SessionEnded
from sottovoce.realtime.events.session import ErrorEvent
from sottovoce.realtime.outbox import Outbox, OutboxFull

MAX_CLIENTS: Final = 32
"""Of one room: each is sent everything by itself."""

LIMITS: Final = InboxLimits(characters=256 * 1024, waiting=128, burst=1000, interval=0.01)
"""A message as long as one on a data channel; as many as restore a long conversation."""

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


class Clients:
    """Whoever has the attribute, for as long as they are here. `open` lets them into the conversation."""

    def __init__(self, room: rtc.Room, users: Users) -> None:
        self._room, self._users = room, users
        self._clients: dict[str, Client] = {}
        self._audience: Audience | None = None
        self._speaker: str | None = None
        self._inbox = Inbox(room, REALTIME_TOPIC, LIMITS, self._received, self._refuse)
        for event in ("participant_active", "participant_attributes_changed", "reconnected"):
            room.on(event, self.look)
        room.on("participant_disconnected", self._went)

    def __contains__(self, identity: object) -> bool:
        return identity in self._clients

    def open(self, audience: Audience) -> None:
        """The conversation has begun: those who are here are told so, and so is whoever comes."""
        self._audience = audience
        for client in self._clients.values():
            self._admit(client)
        self.look()

    def shut(self) -> None:
        """The conversation takes nothing more."""
        self._audience = None

    def heard(self, identity: str | None) -> None:
        """It is the microphone of `identity` that is heard now."""
        is_news, self._speaker = identity != self._speaker, identity
        if is_news and self._audience is not None:
            for client in self._clients.values():
                client.tell([self._heard_by(client)])

    def tell(self, *answers: ServerEvent | Close) -> None:
        """All of them, apart from what the conversation tells."""
        for client in self._clients.values():
            client.tell(answers)

    def tell_one(self, identity: str, *answers: ServerEvent | Close) -> None:
        if identity in self._clients:
            self._clients[identity].tell(answers)

    def look(self, *_: object) -> None:
        """Somebody came, or changed attributes, or may be reached again."""
        for user in self._users:
            is_wanted = user.attributes.get(REALTIME_CLIENT) == "true"
            known = self._clients.get(user.identity)
            if known is not None and (not is_wanted or known.ending is LOST):
                self._let_go(known)
                known = None
            if is_wanted and known is None and user.state == rtc.ParticipantState.PARTICIPANT_STATE_ACTIVE:
                self._add(user.identity)

    async def aclose(self, patience: float) -> None:
        """When all have been sent what they were told last, or `patience` seconds are over."""
        await self._inbox.aclose()
        for event in ("participant_active", "participant_attributes_changed", "reconnected"):
            self._room.off(event, self.look)
        self._room.off("participant_disconnected", self._went)
        clients, self._clients = list(self._clients.values()), {}
        if clients and self._room.isconnected():
            await asyncio.wait([asyncio.ensure_future(each.wait()) for each in clients], timeout=patience)
        for client in clients:
            await client.aclose()

    def _add(self, identity: str) -> None:
        if len(self._clients) >= MAX_CLIENTS:
            logger.warning("a room has %s clients, all it takes; one more was left out", MAX_CLIENTS)
            return
        client = self._clients[identity] = Client(self._room, identity)
        if self._audience is not None:
            self._admit(client)

    def _admit(self, client: Client) -> None:
        assert self._audience is not None
        self._audience.join(client)
        client.tell([*self._audience.recap(), self._heard_by(client)])

    def _heard_by(self, client: Client) -> RoomSpeaker:
        return RoomSpeaker(participant_identity=self._speaker, is_you=client.identity == self._speaker)

    def _went(self, participant: rtc.RemoteParticipant) -> None:
        client = self._clients.get(participant.identity)
        if client is not None:
            self._let_go(client)

    def _let_go(self, client: Client) -> None:
        del self._clients[client.identity]
        if self._audience is not None:
            self._audience.leave(client)
        client.drop()

    async def _received(self, identity: str, text: str) -> None:
        client = self._clients.get(identity)
        if client is None or client.ending is not None:
            raise InvalidRequestError(
                f'Events are for participants with the attribute {REALTIME_CLIENT}="true"; set it first.'
            )
        if self._audience is None:
            raise LimitExceededError(
                "The conversation has not begun yet, or is over; wait for `session.created`."
            )
        await self._audience.receive_at_leisure(text, client)

    def _refuse(self, identity: str, error: SottovoceError) -> None:
        client = self._clients.get(identity)
        if client is not None:
            client.tell([ErrorEvent.of(error)])
        else:
            logger.info("an event of one who is no client was refused: %s", error.message)
