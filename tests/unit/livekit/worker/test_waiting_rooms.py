"""Which rooms are asked for again, at a LiveKit server that is played."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import api
from livekit.protocol.agent_dispatch import AgentDispatch, AgentDispatchState
from livekit.protocol.models import ParticipantInfo

from sottovoce.livekit.access import LiveKitAccess
from sottovoce.livekit.conventions import AGENT_NAME, WORKER
from sottovoce.livekit.worker.waiting_rooms import MAX_ASKED, MAX_PATIENCE, PATIENCE, Self, WaitingRooms

LONG_AGO = 1_000_000_000
FUTURE = 9_000_000_000
"""By the server's clock, which is far ahead: it tells nothing."""


def assistant(mark: str = "elsewhere", name: str = "sottovoce") -> ParticipantInfo:
    attributes = {AGENT_NAME: name, WORKER: mark}
    return ParticipantInfo(identity=f"agent-{mark}", kind=ParticipantInfo.Kind.AGENT, attributes=attributes)


ANN = ParticipantInfo(identity="ann", kind=ParticipantInfo.Kind.STANDARD)
CALLER = ParticipantInfo(identity="sip_1", kind=ParticipantInfo.Kind.SIP)
RECORDER = ParticipantInfo(identity="egress", kind=ParticipantInfo.Kind.EGRESS)


@dataclass
class Server:
    """One room, "kitchen"."""

    participants: list[ParticipantInfo] = field(default_factory=lambda: [ANN])
    dispatches: list[AgentDispatch] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    can_take: bool = True
    own: frozenset[str] = frozenset()
    now: float = 0.0
    is_gone: bool = False

    def __post_init__(self) -> None:
        self.dispatch("sottovoce", LONG_AGO)
        mine = Self("sottovoce", "mine", lambda: self.can_take, lambda: self.own)
        self.waiting = WaitingRooms(LiveKitAccess("ws://x", "key", "secret"), mine, now=lambda: self.now)
        self.room = self.agent_dispatch = self

    def dispatch(self, name: str, at: int, metadata: str = "") -> None:
        state = AgentDispatchState(created_at=at * 1_000_000_000)
        number = str(len(self.dispatches))
        self.dispatches.append(
            AgentDispatch(id=number, agent_name=name, room="kitchen", metadata=metadata, state=state)
        )

    async def look(self) -> None:
        await self.waiting.look(self)  # type: ignore[arg-type]

    async def list_rooms(self, _: Any) -> Any:
        return SimpleNamespace(rooms=[SimpleNamespace(name="kitchen")])

    async def list_participants(self, _: Any) -> Any:
        if self.is_gone:
            raise api.TwirpError(api.TwirpErrorCode.NOT_FOUND, "no such room", status=404)
        return SimpleNamespace(participants=self.participants)

    async def list_dispatch(self, room: str) -> list[AgentDispatch]:
        return self.dispatches

    async def remove_participant(self, gone: Any) -> None:
        self.removed.append(gone.identity)

    async def create_dispatch(self, asked: Any) -> None:
        self.dispatch(asked.agent_name, FUTURE + len(self.dispatches), asked.metadata)


@pytest.mark.parametrize("user", [ANN, CALLER])
async def test_somebody_who_waits_is_asked_for_again_as_before(user: ParticipantInfo) -> None:
    server = Server([user])
    server.dispatches[0].metadata = '{"session": {}}'
    await server.look()
    assert [one.metadata for one in server.dispatches] == ['{"session": {}}'] * 2
    assert server.waiting.asked == 1


@pytest.mark.parametrize(
    "server",
    [
        Server([ANN, assistant()]),
        Server([]),
        Server([RECORDER]),
        Server([assistant()]),
        Server(own=frozenset({"kitchen"})),
        Server(can_take=False),
        Server(is_gone=True),
    ],
    ids=["served", "empty", "recorder", "assistant alone", "own", "full", "gone"],
)
async def test_nobody_is_asked_for_in_vain(server: Server) -> None:
    await server.look()
    assert len(server.dispatches) == 1


async def test_rooms_that_never_asked_for_us_are_let_be() -> None:
    server = Server([ANN, assistant(name="somebody")])
    server.dispatches = []
    server.dispatch("somebody", LONG_AGO)
    await server.look()
    assert len(server.dispatches) == 1


async def test_a_job_gets_its_time_to_arrive_also_where_the_clocks_differ() -> None:
    server = Server()
    server.dispatches.clear()
    server.dispatch("sottovoce", FUTURE)
    await server.look()
    server.now += PATIENCE - 0.1
    await server.look()
    assert len(server.dispatches) == 1
    server.now += 0.2
    await server.look()
    assert len(server.dispatches) == 2
    await server.look()  # the new one has its time, too
    assert len(server.dispatches) == 2


async def test_the_ghost_of_a_worker_that_died_here_makes_room_at_once() -> None:
    server = Server([ANN, assistant("mine")])
    server.dispatch("sottovoce", FUTURE)
    await server.look()
    assert server.removed == ["agent-mine"]
    assert len(server.dispatches) == 3


async def test_a_room_whose_conversations_all_fail_is_given_up() -> None:
    server = Server()
    for _ in range(MAX_ASKED * 2):
        await server.look()
        server.now += MAX_PATIENCE
    assert len(server.dispatches) == MAX_ASKED


async def test_a_conversation_that_fails_at_once_is_tried_more_and_more_seldom() -> None:
    server = Server()
    for _ in range(300):
        await server.look()
        server.now += 1.0
    assert len(server.dispatches) == 9  # after 0, 4, 8, 16, 32 and every 60 seconds
