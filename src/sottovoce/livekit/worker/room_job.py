"""One job's way into its room and out again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from livekit import rtc

from sottovoce.config import LiveKitSettings
from sottovoce.conversation.options import SessionOptions
from sottovoce.errors import SottovoceError
from sottovoce.livekit.conventions import AGENT_NAME, WORKER
from sottovoce.livekit.room.converse import converse
from sottovoce.livekit.room.options import RoomOptions, session_in
from sottovoce.livekit.worker.jobs import Assignment
from sottovoce.realtime.opening import SessionFactory
from sottovoce.realtime.voices import COMMON_VOICES, Voices

logger = logging.getLogger(__name__)

CONNECT_DEADLINE: Final = 15.0
"""Seconds for a room to be joined; whoever waits there gets another assistant then."""
LEAVE_AHEAD: Final = 6.0
"""Seconds by which the assistant leaves a deserted room before the LiveKit server closes it: of connections
that a server closes the media library keeps a thread. The server tells of those who publish nothing every
three seconds, and reckons in whole ones; two are for a busy machine to leave."""
END_DEADLINE: Final = 8.0
"""Seconds for a conversation to end politely, less than livekit-agents waits for its job."""

MAX_STREAM_BYTES: Final = 1 << 20
"""Of one incoming stream of text or data, unpacked: memory from who sends more than any message may have."""

ROOM_OPTIONS: Final = rtc.RoomOptions(
    auto_subscribe=False,
    # without any the library asks those of the server, Google's and Twilio's where it names none of its own;
    # a worker reaches the server's media ports without being told its own address
    rtc_config=rtc.RtcConfiguration(ice_servers=[rtc.IceServer(urls=["stun:127.0.0.1:9"])]),
    data_stream=rtc.DataStreamOptions(max_payload_byte_length=MAX_STREAM_BYTES),
)

Outcome: TypeAlias = Literal["over", "ended", "failed", "doubled"]
"""over: everybody left. ended: this worker was told to end it. doubled: there was an assistant already."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """Holds conversations in rooms; `tell` hears how each went, `joined` how long it took from the offer."""

    make_session: SessionFactory
    defaults: SessionOptions
    settings: LiveKitSettings
    mark: str
    """Of this worker; what else bears it is the ghost of one that died here."""
    voices: Voices = COMMON_VOICES
    tell: Callable[[Outcome], None] = lambda outcome: None
    joined: Callable[[float], None] = lambda seconds: None
    returned: Callable[[Assignment], None] = lambda assignment: None
    """Hears of a connection that was lost and is there again, perhaps at a server that knows nothing."""

    async def hold(self, assignment: Assignment, stop: asyncio.Event) -> None:
        outcome: Outcome = "failed"
        room = rtc.Room()
        try:
            outcome = await self._stay(room, assignment, stop)
        except (SottovoceError, rtc.ConnectError, TimeoutError) as error:
            said = str(error) or "the room could not be joined in time"
            logger.error("job %s, room %s: %s", assignment.job_id, assignment.room, said)
        except Exception:  # boundary: nobody awaits a job
            logger.exception("job %s, room %s failed", assignment.job_id, assignment.room)
        finally:
            await room.disconnect()
            self.tell(outcome)
        logger.info("job %s, room %s: %s", assignment.job_id, assignment.room, outcome)

    async def _stay(self, room: rtc.Room, assignment: Assignment, stop: asyncio.Event) -> Outcome:
        await self.voices.learn()  # before: streams that come while nobody handles them are lost
        async with asyncio.timeout(CONNECT_DEADLINE):
            await room.connect(assignment.url, assignment.token, ROOM_OPTIONS)
        if self._has_another(room):
            return "doubled"
        self.joined(max(0.0, time.time() - assignment.received_at))
        logger.info("job %s, room %s: joined", assignment.job_id, assignment.room)
        is_doubled = False

        def look() -> None:
            """After a server's restart: a room that was opened anew may have been given to another worker."""
            nonlocal is_doubled
            if self._has_another(room):
                is_doubled = True
                stop.set()
            else:
                self.returned(assignment)

        room.on("reconnected", look)
        await self._converse(room, assignment, stop)
        if is_doubled:
            return "doubled"
        return "ended" if stop.is_set() and room.isconnected() else "over"

    async def _converse(self, room: rtc.Room, assignment: Assignment, stop: asyncio.Event) -> None:
        departure = _before(self.settings.departure_timeout)
        options = RoomOptions(
            session=session_in(assignment.metadata),
            voices=self.voices,
            departure_timeout=departure,
            join_timeout=departure if assignment.is_again else self.settings.empty_timeout,
        )
        talking = asyncio.create_task(
            converse(room, self.make_session, self.defaults, options=options, stop=stop),
            name=f"converse in {assignment.room}",
        )
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({talking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(END_DEADLINE if not talking.done() else None):
                await talking
        finally:
            stopping.cancel()
            talking.cancel()
            await asyncio.wait({talking, stopping})

    def _has_another(self, room: rtc.Room) -> bool:
        """Whoever is there first stays: the server tells each who was there before."""
        return any(
            other.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
            and other.attributes.get(AGENT_NAME) == self.settings.agent_name
            and other.attributes.get(WORKER) != self.mark
            for other in room.remote_participants.values()
        )


def _before(timeout: float) -> float:
    return timeout - min(LEAVE_AHEAD, timeout / 2)
