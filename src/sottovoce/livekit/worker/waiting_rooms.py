"""Rooms whose people wait for an assistant: nobody was free when it was asked for, or it is gone.

A LiveKit server offers a job once, when the room is made; it neither keeps a job that nobody takes nor
offers one again whose worker died. So workers that have places look for such rooms, and ask again. That a
worker died the server finds out in half a minute; one that starts in its place knows at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import aiohttp
from livekit import api
from livekit.protocol.agent_dispatch import AgentDispatch
from livekit.protocol.models import ParticipantInfo

from sottovoce.livekit.access import LiveKitAccess
from sottovoce.livekit.conventions import AGAIN, AGENT_NAME, WORKER

logger = logging.getLogger(__name__)

INTERVAL: Final = 1.5
"""Seconds between two looks, give or take half: workers that started together do not ask together."""
ROOM_INTERVAL: Final = 0.02
"""Seconds more for each room that was asked about: spares the LiveKit server of a large cluster."""
PATIENCE: Final = 2.0
"""Seconds that a room has to wait before somebody is asked for again: a job takes less to get there."""
MAX_PATIENCE: Final = 60.0
"""The same of a room for which somebody was asked again and again: it doubles each time, for conversations
that always fail."""
MAX_ASKED: Final = 50
"""Times that an assistant is asked for in one room; the server remembers them all."""
DEPENDENT: Final = (
    ParticipantInfo.Kind.AGENT,
    ParticipantInfo.Kind.EGRESS,
    ParticipantInfo.Kind.INGRESS,
)
"""Participants for whose sake nobody comes."""
REQUEST_DEADLINE: Final = 5.0
"""Seconds for the LiveKit server to answer."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """The last dispatch of a room in which there is no assistant, and how many there were.

    `since` is when it was made, Unix seconds by the server's clock, which may differ from ours.
    `ghosts` are the identities of assistants whose worker was where this one is now.
    """

    room: str
    dispatch_id: str
    since: float
    metadata: str
    asked: int
    ghosts: tuple[str, ...] = ()

    @property
    def patience(self) -> float:
        return float(min(MAX_PATIENCE, PATIENCE * 2 ** (self.asked - 1)))


@dataclass(frozen=True, slots=True)
class Self:
    """What a worker says of itself: `rooms` are those it is in; `can_take` whether it takes another."""

    agent_name: str
    mark: str
    can_take: Callable[[], bool]
    rooms: Callable[[], frozenset[str]]


class WaitingRooms:
    """`run` looks for as long as there is somebody to send."""

    def __init__(self, access: LiveKitAccess, own: Self, now: Callable[[], float] = time.monotonic) -> None:
        self.asked = 0
        """Times that a room got another chance."""
        self._rooms = 0
        self._client: api.LiveKitAPI | None = None
        self._access, self._own, self._now = access, own, now
        self._woken = asyncio.Event()
        self._since: dict[str, float] = {}
        """By dispatch: since when it is known to be without an assistant."""

    async def run(self) -> None:
        """Until cancelled."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_DEADLINE)
        access = self._access
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            _client(access, session) as client,
        ):
            self._client = client
            while True:
                if self._own.can_take():
                    await self._try(client)
                await self._rest()

    def wake(self) -> None:
        """Somebody can be sent who could not before."""
        self._woken.set()

    async def remember(self, room: str, metadata: str) -> None:
        """A server that was restarted knows no more that `room`, which we are in, asked for us.

        It sends another assistant for it, who finds us there and leaves.
        """
        if self._client is None:
            return
        try:
            dispatches = await self._client.agent_dispatch.list_dispatch(room)
            if not self._ours(dispatches):
                await self._dispatch(self._client, room, metadata)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            logger.warning("room %s will not get another assistant if this one is lost: %s", room, error)

    async def _rest(self) -> None:
        self._woken.clear()
        with suppress(TimeoutError):
            rest = INTERVAL + ROOM_INTERVAL * self._rooms
            async with asyncio.timeout(rest * random.uniform(0.5, 1.5)):  # noqa: S311  no secret
                await self._woken.wait()

    async def look(self, client: api.LiveKitAPI) -> None:
        """Ask for an assistant wherever one is waited for long enough. Raises what `client` raises."""
        rooms = (await client.room.list_rooms(api.ListRoomsRequest())).rooms
        self._rooms = len(rooms)
        wishes = [wish for room in rooms if (wish := await self._wish(client, room.name)) is not None]
        self._since = {w.dispatch_id: self._since.get(w.dispatch_id, self._now()) for w in wishes}
        for wish in wishes:
            seen_for = self._now() - self._since[wish.dispatch_id]
            has_waited = max(seen_for, time.time() - wish.since) >= wish.patience
            if self._own.can_take() and wish.asked < MAX_ASKED and (has_waited or wish.ghosts):
                await self._ask(client, wish)

    async def _try(self, client: api.LiveKitAPI) -> None:
        try:
            await self.look(client)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            logger.debug("the rooms could not be looked at: %s", error)

    async def _wish(self, client: api.LiveKitAPI, room: str) -> _Wish | None:
        if room in self._own.rooms():
            return None
        try:
            there = await client.room.list_participants(api.ListParticipantsRequest(room=room))
            assistants = [one for one in there.participants if self._is_assistant(one)]
            ghosts = [one.identity for one in assistants if one.attributes.get(WORKER) == self._own.mark]
            is_served = len(assistants) > len(ghosts) or room in self._own.rooms()
            if is_served or not any(one.kind not in DEPENDENT for one in there.participants):
                return None
            dispatches = await client.agent_dispatch.list_dispatch(room)
        except api.TwirpError as error:
            if error.code == api.TwirpErrorCode.NOT_FOUND:
                return None  # it is gone since it was listed
            raise
        return _last(self._ours(dispatches), ghosts)

    async def _ask(self, client: api.LiveKitAPI, wish: _Wish) -> None:
        self.asked += 1
        logger.warning("room %s has no assistant: asking for one again", wish.room)
        for identity in wish.ghosts:
            await client.room.remove_participant(
                api.RoomParticipantIdentity(room=wish.room, identity=identity)
            )
        await self._dispatch(client, wish.room, wish.metadata)

    async def _dispatch(self, client: api.LiveKitAPI, room: str, metadata: str) -> None:
        await client.agent_dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(
                agent_name=self._own.agent_name, room=room, metadata=metadata, attributes={AGAIN: "true"}
            )
        )

    def _ours(self, dispatches: Sequence[AgentDispatch]) -> list[AgentDispatch]:
        return [one for one in dispatches if one.agent_name == self._own.agent_name]

    def _is_assistant(self, participant: ParticipantInfo) -> bool:
        is_agent = participant.kind == ParticipantInfo.Kind.AGENT
        return is_agent and participant.attributes.get(AGENT_NAME) == self._own.agent_name


def _last(dispatches: Sequence[AgentDispatch], ghosts: Sequence[str]) -> _Wish | None:
    if not dispatches:
        return None
    last = max(dispatches, key=lambda one: one.state.created_at)
    return _Wish(
        last.room, last.id, last.state.created_at / 1e9, last.metadata, len(dispatches), tuple(ghosts)
    )


def _client(access: LiveKitAccess, session: aiohttp.ClientSession) -> api.LiveKitAPI:
    """Without its fail-over, which asks LiveKit's cloud for other regions."""
    return api.LiveKitAPI(access.url, access.api_key, access.api_secret, session=session, failover=False)
