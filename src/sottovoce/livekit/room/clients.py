"""Participants who want OpenAI's Realtime events: each a listener of the conversation, with an outbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from livekit import rtc

from sottovoce.errors import InvalidRequestError, LimitExceededError, SottovoceError
from sottovoce.livekit.conventions import REALTIME_CLIENT, REALTIME_TOPIC
from sottovoce.livekit.room.client import LOST, Client
from sottovoce.livekit.room.inbox import Inbox, InboxLimits
from sottovoce.livekit.room.users import Users
from sottovoce.realtime.audience import Audience
from sottovoce.realtime.commands import Close
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.extensions import RoomSpeaker
from sottovoce.realtime.events.session import ErrorEvent

MAX_CLIENTS: Final = 32
"""Of one room: each is sent everything by itself."""

FULL: Final = f"This room has {MAX_CLIENTS} participants with Realtime events, all it takes; try again later."

LIMITS: Final = InboxLimits(characters=256 * 1024, waiting=128, burst=1000, interval=0.01)
"""A message as long as one on a data channel; as many as restore a long conversation."""

logger = logging.getLogger(__name__)


class Clients:
    """Whoever has the attribute, for as long as they are here. `open` lets them into the conversation."""

    def __init__(
        self, room: rtc.Room, users: Users, answer_stranger: Callable[[str, ServerEvent], None]
    ) -> None:
        """`answer_stranger` sends an event to one who gets no others."""
        self._room, self._users, self._answer_stranger = room, users, answer_stranger
        self._answered: set[str] = set()
        """Who gets no events and knows it, so that a flood of theirs is no flood of ours."""
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
            return self._refuse(identity, LimitExceededError(FULL))
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
        self._answered.discard(participant.identity)
        client = self._clients.get(participant.identity)
        if client is not None:
            self._let_go(client)
            self.look()  # there is a place for who found none

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
        elif identity not in self._answered:
            self._answered.add(identity)
            logger.info("one who is no client was refused: %s", error.message)
            self._answer_stranger(identity, ErrorEvent.of(error))
