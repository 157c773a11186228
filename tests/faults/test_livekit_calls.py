"""Calls in rooms of `serve --livekit` when something goes wrong: what callers see, and that nothing stays."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from livekit import api, rtc

from sottovoce.livekit.server.keys import KEYS_FILE
from tests.live_server import Server
from tests.livekit.participant import Participant
from tests.livekit_server import livekit_program
from tests.media_relay import SERVER, MediaRelay, program_behind
from tests.recordings import recording

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(120)]

SPOKEN = "dialogue-what-is-twelve-times-seven-slt"
QUESTION = "what is twelve times seven"
SUM = re.compile("84|eighty[ -]four")
LONG = "count to forty"
DEPARTURE = 4
"""Seconds for which a room that everybody left is kept; who publishes nothing is told of after three."""
SOON = 30.0
POLL = 0.1
PAUSE_OF_MEDIA = 3.0


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((SERVER, 0))
        port: int = probe.getsockname()[1]
        return port


class Hall:
    """A server with its rooms, seen from outside."""

    def __init__(self, server: Server, relay: MediaRelay) -> None:
        self.server = server
        self.relay = relay

    def details(self, **asked: Any) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.server.key}"}
        url = f"{self.server.url}/api/connection-details"
        reply = httpx.post(url, headers=headers, json=asked, trust_env=False)
        assert reply.status_code == 201, reply.text
        details: dict[str, str] = reply.json()
        return details

    @asynccontextmanager
    async def joined(self, identity: str = "ann", room_name: str = "") -> AsyncIterator[Participant]:
        details = await asyncio.to_thread(self.details, participant_identity=identity, room_name=room_name)
        participant = Participant(identity)
        try:
            await participant.join(details["server_url"], details["participant_token"])
            await participant.until(lambda: state(participant) == "listening", SOON)
            yield participant
        finally:
            await participant.leave()

    async def rooms(self) -> list[str]:
        key, _, secret = (self.server.home / KEYS_FILE).read_text().strip().partition(": ")
        async with api.LiveKitAPI(f"http://{SERVER}:{self.signal_port}", key, secret) as admin:
            return [room.name for room in (await admin.room.list_rooms(api.ListRoomsRequest())).rooms]

    @property
    def signal_port(self) -> int:
        port: int = self.child("livekit-server").net_connections("tcp4")[0].laddr.port
        return port

    async def is_empty(self) -> None:
        deadline = time.monotonic() + SOON
        while left := await self.rooms():
            assert time.monotonic() < deadline, f"{left} are still there"
            await asyncio.sleep(POLL)

    def child(self, word: str) -> psutil.Process:
        for process in psutil.Process(self.server.process.pid).children(recursive=True):
            if any(Path(part).name == word for part in process.cmdline()):
                return process
        raise AssertionError(f"there is no {word}")


def state(participant: Participant) -> str:
    """The assistant's, as its attribute is now; "" without one."""
    assistant = participant.room.remote_participants.get(participant.assistant)
    return assistant.attributes.get("lk.agent.state", "") if assistant else ""


def answers(participant: Participant) -> list[str]:
    """Final words of whoever is not a user."""
    return [
        caption.text
        for caption in participant.captions
        if caption.is_final and caption.speaker.startswith("agent-") and caption.text
    ]


async def expect_sum(participant: Participant, before: int = 0) -> None:
    await participant.until(lambda: any(SUM.search(text) for text in answers(participant)[before:]), SOON)


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Hall]:
    home = tmp_path_factory.mktemp("hall")
    (home / "cache").symlink_to(engine_cache, target_is_directory=True)
    port = free_udp_port()
    relay = MediaRelay(port)
    program = str(program_behind(home, livekit_program()))
    rooms = {"livekit_port": "0", "livekit_udp_port": str(port), "livekit_program": program}
    server = Server(home, "--livekit", livekit_departure_timeout=str(DEPARTURE), **rooms)
    relay.start()
    try:
        server.start()
        yield Hall(server, relay)
    finally:
        server.stop()
        relay.stop()


@pytest.fixture(autouse=True)
def _good_network(hall: Hall) -> Iterator[None]:
    yield
    hall.relay.perfect()
    hall.server.wait_until_ready()


async def test_a_call_outlives_a_break_of_the_media(hall: Hall) -> None:
    async with hall.joined() as ann:
        await ann.publish()
        assistant = ann.assistant
        heard = len(ann.heard)
        await ann.until(lambda: len(ann.heard) > heard + 10)
        before, hall.relay.is_cut = hall.relay.lost, True
        await asyncio.sleep(PAUSE_OF_MEDIA)
        hall.relay.is_cut = False
        assert hall.relay.lost > before + 10
        heard = len(ann.heard)
        await ann.until(lambda: len(ann.heard) > heard + 50)
        await ann.speak(recording(SPOKEN))
        await expect_sum(ann)
        assert (ann.assistant, ann.left) == (assistant, [])


async def test_a_second_tab_of_somebody_takes_the_call_over(hall: Hall) -> None:
    """The same identity: the first tab is told why it is out, the assistant stays, and remembers."""
    async with hall.joined("ann", "two-tabs") as first:
        assistant = first.assistant
        await first.write(QUESTION)
        await expect_sum(first)
        async with hall.joined("ann", "two-tabs") as second:
            assert await first.until(lambda: first.left) == [rtc.DisconnectReason.DUPLICATE_IDENTITY]
            assert second.assistant == assistant
            await second.write("repeat that")
            await expect_sum(second)
            assert list(second.room.remote_participants) == [assistant]
    await hall.is_empty()


async def test_two_tabs_of_two_share_one_assistant(hall: Hall) -> None:
    async with hall.joined("ann", "two-users") as ann, hall.joined("bob", "two-users") as bob:
        assert ann.assistant == bob.assistant
        began = time.monotonic()
        await bob.write(QUESTION)
        for participant in (ann, bob):
            await expect_sum(participant)
            await participant.first_sound(began)
        assert len(answers(ann)) == len(answers(bob)) == 1


async def test_a_question_is_understood_although_packets_are_lost_and_swapped(hall: Hall) -> None:
    async with hall.joined() as ann:
        hall.relay.loss = hall.relay.swap = 0.05  # each packet passes twice: from one to the server, and on
        before = hall.relay.lost
        ended = await ann.speak(recording(SPOKEN))
        await expect_sum(ann)
        await ann.first_sound(ended)
        assert hall.relay.lost > before + 10
        assert ann.said_by("ann") == [QUESTION]
        assert ann.left == []


async def test_who_leaves_mid_answer_leaves_nothing(hall: Hall) -> None:
    async with hall.joined() as ann:
        await ann.write(LONG)
        await ann.until(lambda: state(ann) == "speaking", SOON)
        await ann.first_sound(0.0)
    await hall.is_empty()
    assert "Traceback" not in hall.server.log.read_text()


async def test_who_comes_back_in_time_is_remembered(hall: Hall) -> None:
    async with hall.joined("ann", "again") as ann:
        await ann.write(QUESTION)
        await expect_sum(ann)
        assistant = ann.assistant
    async with hall.joined("ann", "again") as ann:
        await ann.publish()  # who only writes is announced later, perhaps too late
        assert ann.assistant == assistant
        await ann.write("repeat that")
        await expect_sum(ann)
    await hall.is_empty()


async def test_an_engine_that_dies_in_a_call_costs_a_turn_at_most(hall: Hall) -> None:
    async with hall.joined() as ann:
        for kind in ("llm", "tts", "stt"):
            hall.server.kill_engine(kind)
        ended = await ann.speak(recording(SPOKEN))
        await ann.until(lambda: answers(ann), SOON)  # the answer, or that it did not work
        await ann.first_sound(ended)
        await asyncio.to_thread(hall.server.wait_until_ready)
        before = len(answers(ann))
        await ann.until(lambda: state(ann) == "listening", SOON)
        await ann.write(QUESTION)
        await expect_sum(ann, before)
        assert ann.left == []


async def test_a_call_whose_worker_is_killed_gets_another_assistant(hall: Hall) -> None:
    async with hall.joined() as ann:
        assistant = ann.assistant
        hall.child("worker").kill()
        await ann.until(lambda: ann.assistant not in ("", assistant) and state(ann) == "listening", SOON)
        await ann.write(QUESTION)
        await expect_sum(ann)
        assert ann.left == []
    await hall.is_empty()


async def test_a_call_whose_livekit_server_is_killed_goes_on(hall: Hall) -> None:
    """With the same assistant, or with another one where the server was away for longer than it waits."""
    async with hall.joined() as ann:
        await ann.publish()
        came_back: list[bool] = []
        ann.room.on("reconnected", lambda: ann._keep(came_back, True))
        hall.child("livekit-server").kill()
        await ann.until(lambda: came_back and state(ann) == "listening", SOON)
        ended = await ann.speak(recording(SPOKEN))
        await ann.until(lambda: ann.said_by("ann"), SOON)  # perhaps not each word, of what came right then
        await ann.first_sound(ended)
        assert ann.left == []
    await hall.is_empty()


async def test_calls_leave_no_rooms_and_no_connections(hall: Hall) -> None:
    async def call() -> None:
        async with hall.joined() as ann:
            await ann.write(LONG)
            await ann.until(lambda: state(ann) == "speaking", SOON)

    def relayed() -> int:
        gateway = psutil.Process(hall.server.process.pid).net_connections("tcp4")
        ends = [each.raddr.port for each in gateway if each.status == psutil.CONN_ESTABLISHED and each.raddr]
        return ends.count(hall.signal_port)

    await hall.is_empty()
    idle = relayed()
    await asyncio.gather(*(call() for _ in range(4)))
    await hall.is_empty()
    assert relayed() <= idle
