"""The life of a conversation in a room: from the first user's coming to whatever ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, Final

from livekit import rtc

from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.port import SessionPort
from sottovoce.errors import InvalidRequestError, SottovoceError
from sottovoce.livekit.conventions import AGENT_STATE
from sottovoce.livekit.room.attributes import Attributes
from sottovoce.livekit.room.clients import MAX_CLIENTS, Clients
from sottovoce.livekit.room.hearing import Hearing
from sottovoce.livekit.room.notices import Notices
from sottovoce.livekit.room.options import RoomOptions
from sottovoce.livekit.room.talk import Talk
from sottovoce.livekit.room.transcripts import Mouth, Transcripts
from sottovoce.livekit.room.users import Users
from sottovoce.livekit.room.voice import Voice
from sottovoce.realtime import opening
from sottovoce.realtime.audience import Audience
from sottovoce.realtime.commands import Close
from sottovoce.realtime.configuration import ProtocolOptions
from sottovoce.realtime.connection import Connection
from sottovoce.realtime.events.session import ErrorEvent
from sottovoce.realtime.opening import SessionFactory
from sottovoce.realtime.protocol import RealtimeProtocol

GOODBYE: Final = 1.0
"""Seconds for the last words to leave: a room that takes none gets no more."""
FAILED: Final = "failed"
"""The state of an assistant that could not begin, or broke."""

UNTOLD: Final = 0.5
"""Seconds after which a connection that is lost for good has ended, though nobody said so."""

CLOSED: Final = Close(1001, "The room is closed.")
BROKEN: Final = Close(1011, "The server met an unexpected error.")

logger = logging.getLogger(__name__)


class RoomConversation:
    """`run` it once. `end` may be called at any time; the first ending counts."""

    def __init__(self, room: rtc.Room, options: RoomOptions) -> None:
        self._room, self._options = room, options
        self._is_over, self._has_user = asyncio.Event(), asyncio.Event()
        self._ending = Close(1000, "The conversation is over.")
        self._leaving: asyncio.TimerHandle | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._session: SessionPort | None = None
        self._users = Users(room, self._look)
        self._attributes = Attributes(room)
        self._voice = Voice(room)
        self._clients = Clients(room, self._users, lambda *answer: self._notices.answer(*answer))
        self._notices = Notices(room, self._users, self._clients)
        self._hearing = Hearing(room, self._users, self._clients, self._notices)
        room.on("disconnected", self._disconnected)
        room.on("connection_state_changed", self._state_changed)

    def end(self, ending: Close) -> None:
        if not self._is_over.is_set():
            self._ending = ending
        self._is_over.set()

    async def run(self, make_session: SessionFactory, defaults: SessionOptions) -> None:
        """Raises `SottovoceError` where the conversation cannot be begun."""
        beside = _begun((self._attributes.run(), self._notices.run()))
        try:
            await self._converse(make_session, defaults)
        except Exception as error:
            self._apologise(error)
            raise
        finally:
            await self._leave()
            await _cancelled(beside)

    async def _converse(self, make_session: SessionFactory, defaults: SessionOptions) -> None:
        self._attributes.set(AGENT_STATE, "initializing")
        self._look()
        await self._until_over([self._get_ready()])
        if self._is_over.is_set():
            return
        asked = self._asked(defaults)
        session = make_session(opening.session_options(asked, defaults))
        try:
            await self._until_over([_start(session)])
            if not self._is_over.is_set():
                await self._talk(session, RealtimeProtocol(session.id, defaults, asked))
        finally:
            self._session = None
            await session.aclose()

    async def _get_ready(self) -> None:
        await self._voice.publish()
        try:
            async with asyncio.timeout(self._options.join_timeout):
                await self._has_user.wait()
        except TimeoutError:
            self.end(Close(1000, f"Nobody came within {self._options.join_timeout:.0f} s."))

    async def _talk(self, session: SessionPort, protocol: RealtimeProtocol) -> None:
        audience = Audience(Connection(session, protocol), MAX_CLIENTS)
        transcripts = Transcripts(
            self._room, speaker=self._hearing.mouth, assistant=self._mouth, is_hidden=protocol.is_beside
        )
        talk = Talk(
            self._room,
            session,
            audience,
            transcripts,
            users=self._users,
            clients=self._clients,
            notices=self._notices,
            attributes=self._attributes,
        )
        self._session = session
        self._clients.open(audience)
        self._attributes.set(AGENT_STATE, "listening")
        self._look()
        try:
            await self._until_over(
                [*talk.loops, self._voice.run(session.playout), self._hearing.microphone.run(session)]
            )
        finally:
            self._clients.shut()
            await talk.aclose()

    async def _until_over(self, work: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Until `end`, or until any of it is done, of which then nothing is left. What broke is raised."""
        tasks = _begun((*work, _wait(self._is_over)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                tasks.remove(task)
                task.result()
        finally:
            await _cancelled(tasks)

    def _apologise(self, error: Exception) -> None:
        """Say what went wrong to who is there, in each one's language."""
        if not isinstance(error, SottovoceError):
            error = SottovoceError("The assistant met an unexpected error; its log has the details.")
            self._ending = BROKEN
        else:
            self._ending = Close(1011, error.message[:120])
        self._attributes.set(AGENT_STATE, FAILED)
        self._clients.tell(ErrorEvent.of(error))
        self._notices.note_all(error.message)

    async def _leave(self) -> None:
        """Tell everybody that it is over, and let go of everything."""
        self._room.off("disconnected", self._disconnected)
        self._room.off("connection_state_changed", self._state_changed)
        self._stay()
        if self._closing is not None:
            self._closing.cancel()
        self._users.close()
        self._clients.tell(self._ending)
        await self._clients.aclose(GOODBYE)
        if self._room.isconnected():
            try:
                async with asyncio.timeout(GOODBYE):
                    await self._notices.flush()
                    await self._attributes.flush()
            except TimeoutError:
                logger.info("the room took no last words within %s s", GOODBYE)
        await self._hearing.microphone.aclose()
        await self._voice.aclose()

    def _asked(self, defaults: SessionOptions) -> ProtocolOptions:
        """What the room's token asks for, as far as it is to be had."""
        try:
            wanted = self._wanted(self._options)
            opening.session_options(wanted, defaults)
        except InvalidRequestError as error:
            logger.warning("the session that was asked for is not to be had: %s", error.message)
            return self._wanted(RoomOptions(voices=self._options.voices))
        return wanted

    @staticmethod
    def _wanted(options: RoomOptions) -> ProtocolOptions:
        return ProtocolOptions(
            transport="webrtc", has_extensions=True, voices=options.voices, session=options.session
        )

    def _mouth(self) -> Mouth:
        return Mouth(self._room.local_participant.identity, self._voice.track_sid)

    # -- told by the room

    def _disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        logger.info("the room is closed: %s", rtc.DisconnectReason.Name(reason))
        self.end(CLOSED)

    def _state_changed(self, state: rtc.ConnectionState.ValueType) -> None:
        """livekit's SDK leaves "disconnected" out where the room's end comes before it."""
        if state == rtc.ConnectionState.CONN_DISCONNECTED and self._closing is None:
            self._closing = asyncio.get_running_loop().call_later(UNTOLD, self.end, CLOSED)

    def _look(self) -> None:
        """Users may have changed."""
        if self._users.is_empty:
            self._all_left()
        else:
            self._has_user.set()
            self._stay()
        self._clients.look()
        self._hearing.look()

    def _all_left(self) -> None:
        """What is being said is for nobody; who returns in time finds the conversation as it was."""
        if not self._has_user.is_set() or self._leaving is not None:
            return
        if self._session is not None:
            self._session.interrupt()
        gone = Close(1000, "Everybody has left.")
        later = asyncio.get_running_loop().call_later
        self._leaving = later(self._options.departure_timeout, self.end, gone)

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None


def _begun(work: Iterable[Coroutine[Any, Any, None]]) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(each) for each in work]


async def _start(session: SessionPort) -> None:
    await opening.start(session)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            logger.error("a conversation's end was not clean", exc_info=ended)
