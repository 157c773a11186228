"""Workers as processes, a real LiveKit server, and people in its rooms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from livekit import api

from tests.livekit.participant import Participant, present, token
from tests.livekit.worker_process import Engines, WorkerProcess, engines_beside
from tests.livekit_server import LiveKitServer

pytestmark = pytest.mark.timeout(60)

AGENT = "shared"
PLACES = 5
MAX_DESCRIPTORS = 90
"""Of a worker without a room: idle threads, connections kept to the engines, what the media library keeps."""
MAX_GROWTH_BYTES = 50 << 20
"""By fifty rooms: what allocators keep. A session that leaked would be several megabytes."""


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    with engines_beside() as engines:
        yield engines


@pytest.fixture(scope="module")
def worker(
    livekit: LiveKitServer, engines: Engines, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerProcess]:
    """For tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("worker")
    worker = WorkerProcess(folder, livekit, engines, max_sessions=PLACES, livekit_agent_name=AGENT)
    worker.start()
    try:
        yield worker.wait_ready()
    finally:
        worker.stop()


async def _until(condition: Callable[[], object], within: float = 15.0) -> None:
    """For what can only be asked."""
    async with asyncio.timeout(within):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110  it is another process
            await asyncio.sleep(0.05)


async def _answers(who: Participant, text: str) -> None:
    """An assistant is there that listens and answers."""
    await who.until(lambda: who.assistant and who.states)
    before = len(who.said_by(who.assistant))
    await who.write(text)
    await who.until(lambda: len(who.said_by(who.assistant)) > before)


@pytest.mark.timeout(150)
async def test_fifty_rooms_leave_nothing(livekit: LiveKitServer, worker: WorkerProcess) -> None:
    async def visit(number: int) -> None:
        async with present(livekit, f"many-{number}", "ann", agent=AGENT) as ann:
            await ann.publish()  # the server tells at once only of those who leave with a microphone
            await ann.until(lambda: ann.assistant)

    async def visits(numbers: range) -> None:
        """As many at a time as there are places."""
        for first in numbers[::PLACES]:
            await asyncio.gather(*map(visit, range(first, min(first + PLACES, numbers.stop))))
            await _until(lambda: worker.count("sottovoce_sessions") == 0)

    await visits(range(PLACES))
    threads, memory = worker.threads, worker.memory_bytes
    await visits(range(PLACES, PLACES + 50))
    await _until(lambda: worker.threads <= threads + 4)
    assert worker.memory_bytes <= memory + MAX_GROWTH_BYTES


async def test_a_room_that_asks_for_it_gets_an_assistant_who_answers(
    livekit: LiveKitServer, worker: WorkerProcess, engines: Engines, room_name: str
) -> None:
    before = worker.count("sottovoce_worker_offers_total", answer="accepted")
    engines.fake.replies.append("Hello Ann.")
    async with present(livekit, room_name, "ann", agent=AGENT) as ann:
        await _answers(ann, "Hello?")
        assert worker.count("sottovoce_sessions") == 1
        assert worker.count("sottovoce_worker_registered") == 1
    await _until(lambda: worker.count("sottovoce_sessions") == 0)
    assert worker.count("sottovoce_worker_offers_total", answer="accepted") == before + 1
    assert worker.count("sottovoce_worker_jobs_total", outcome="failed") == 0


async def test_a_job_says_what_its_session_is_to_be_like(
    livekit: LiveKitServer, worker: WorkerProcess, engines: Engines, room_name: str
) -> None:
    session = {"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "sol"}}}
    metadata = json.dumps({"session": session})
    async with present(livekit, room_name, "ann", agent=AGENT, metadata=metadata) as ann:
        await _answers(ann, "Hello?")
    assert engines.fake.voices[-1][0] == "sol"  # of the engine's own
    assert "Be brief." in engines.fake.requests[-1]["messages"][0]["content"]
    await _until(lambda: worker.count("sottovoce_sessions") == 0)


async def test_sessions_share_the_connections_to_the_engines(
    livekit: LiveKitServer, worker: WorkerProcess, engines: Engines
) -> None:
    for number in range(3):
        async with present(livekit, f"pooled-{number}", "ann", agent=AGENT) as ann:
            await _answers(ann, "Hello?")
        await _until(lambda: worker.count("sottovoce_sessions") == 0)
    # the first that prewarms, asks and speaks opens a connection, and all that come later use it
    assert len(engines.callers["/v1/chat/completions"]) <= 2
    assert len(engines.callers["/v1/audio/speech"]) <= 2


async def test_one_room_more_than_there_are_places_waits_for_one(
    livekit: LiveKitServer, worker: WorkerProcess
) -> None:
    there = [Participant(f"ann-{number}") for number in range(PLACES + 1)]
    refused = worker.count("sottovoce_worker_offers_total", answer="full")
    try:
        for number, one in enumerate(there[:PLACES]):
            await one.join(livekit.url, token(livekit, f"full-{number}", one.identity, agent=AGENT))
        for one in there[:PLACES]:
            await one.until(lambda one=one: one.assistant)
        assert worker.count("sottovoce_worker_load") == 1
        late = there[PLACES]
        await late.join(livekit.url, token(livekit, "full-late", late.identity, agent=AGENT))
        await late.until(lambda: late.room.isconnected())
        await there[0].leave()
        await late.until(lambda: late.assistant)
    finally:
        for one in there:
            await one.leave()
    await _until(lambda: worker.count("sottovoce_sessions") == 0)
    assert worker.count("sottovoce_worker_offers_total", answer="full") >= refused


async def test_a_worker_whose_engines_are_down_takes_no_room_until_they_are_back(
    livekit: LiveKitServer, worker: WorkerProcess, engines: Engines, room_name: str
) -> None:
    engines.fake.is_ready = False
    try:
        await _until(lambda: not worker.is_ready())
        assert worker.readiness() == (503, ["nobody answers for stt and llm and tts"])
        assert worker.count("sottovoce_worker_load") == 1
        assert worker.count("sottovoce_worker_engine_up", kind="llm") == 0
        async with present(livekit, room_name, "ann", agent=AGENT) as ann:
            engines.fake.is_ready = True
            await ann.until(lambda: ann.assistant)
            assert worker.is_ready()
    finally:
        engines.fake.is_ready = True
    await _until(lambda: worker.count("sottovoce_sessions") == 0)


async def test_the_sockets_of_a_room_are_let_go(
    livekit: LiveKitServer, worker: WorkerProcess, room_name: str
) -> None:
    """The media library keeps them for twenty seconds; those of all the rooms above are gone by now."""
    async with present(livekit, room_name, "ann", agent=AGENT) as ann:
        await ann.until(lambda: ann.assistant)
    await _until(lambda: worker.count("sottovoce_sessions") == 0)
    await _until(lambda: worker.descriptors < MAX_DESCRIPTORS, within=45)


async def test_two_workers_share_the_rooms_and_one_that_drains_cuts_no_call(
    livekit: LiveKitServer, engines: Engines, tmp_path: Path
) -> None:
    both = [
        WorkerProcess(tmp_path, livekit, engines, name, max_sessions=1, livekit_agent_name="two")
        for name in ("first", "second")
    ]
    for worker in both:
        worker.start()
    try:
        for worker in both:
            await asyncio.to_thread(worker.wait_ready)
        async with present(livekit, "share-ann", "ann", agent="two") as ann:
            await ann.until(lambda: ann.assistant)
            async with present(livekit, "share-bob", "bob", agent="two") as bob:
                await bob.until(lambda: bob.assistant)
                assert [worker.count("sottovoce_sessions") for worker in both] == [1, 1]
                assert ann.assistant != bob.assistant
                both[0].signal()
                await _until(lambda: both[0].readiness()[1] == ["draining"])
                for who in (ann, bob):  # both calls go on
                    await _answers(who, "Are you there?")
        assert await both[0].end() == 0
        await _until(lambda: both[1].count("sottovoce_sessions") == 0)
        async with present(livekit, "share-cleo", "cleo", agent="two") as cleo:
            await cleo.until(lambda: cleo.assistant)
    finally:
        for worker in both:
            worker.stop()


async def test_a_call_that_outlasts_the_drain_is_ended_politely_and_taken_over(
    livekit: LiveKitServer, engines: Engines, tmp_path: Path
) -> None:
    worker = WorkerProcess(
        tmp_path, livekit, engines, livekit_agent_name="brief", livekit_drain_timeout=1, max_sessions=1
    )
    worker.start()
    try:
        await asyncio.to_thread(worker.wait_ready)
        async with present(livekit, "brief", "ann", agent="brief") as ann:
            first = await ann.until(lambda: ann.assistant)
            worker.signal()
            assert await worker.end() == 0
            await ann.until(lambda: not ann.assistant)
            worker.start()
            await asyncio.to_thread(worker.wait_ready)
            assert await ann.until(lambda: ann.assistant) != first
    finally:
        worker.stop()


async def test_a_room_whose_worker_was_killed_gets_an_assistant_of_the_one_that_starts_in_its_place(
    livekit: LiveKitServer, engines: Engines, tmp_path: Path
) -> None:
    worker = WorkerProcess(tmp_path, livekit, engines, livekit_agent_name="killed")
    worker.start()
    try:
        await asyncio.to_thread(worker.wait_ready)
        async with present(livekit, "killed", "ann", agent="killed") as ann:
            first = await ann.until(lambda: ann.assistant)
            worker.process.kill()
            await worker.end()
            worker.start()
            await asyncio.to_thread(worker.wait_ready)
            await ann.until(lambda: ann.assistant not in ("", first))
            await _answers(ann, "Are you there again?")
            assert worker.count("sottovoce_worker_asked_again_total") == 1
            worker.signal()
            await _until(lambda: worker.readiness()[1] == ["draining"])
            worker.signal()  # does not wait for the call
            assert await worker.end() == 0
    finally:
        worker.stop()


async def test_a_server_that_was_killed_and_is_back_has_the_worker_and_the_call_again(
    engines: Engines, tmp_path: Path
) -> None:
    server = LiveKitServer(tmp_path, has_foreign_stun=True)
    server.start()
    worker = WorkerProcess(tmp_path, server, engines, livekit_departure_timeout=30)
    worker.start()
    try:
        await asyncio.to_thread(worker.wait_ready)
        async with present(server, "restart", "ann", agent="sottovoce") as ann:
            first = await ann.until(lambda: ann.states and ann.assistant)
            assert "AsyncResolver" not in worker.thread_names  # it looks up nobody's STUN server
            server.kill()
            await _until(lambda: not worker.is_ready())
            server.start()
            await _until(worker.is_ready)
            await _answers(ann, "Are you still there?")
            assert ann.assistant == first
            await _until(lambda: worker.count("sottovoce_sessions") == 1)  # nor another beside it
            async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as admin:
                assert await admin.agent_dispatch.list_dispatch("restart")  # it would be missed
    finally:
        worker.stop()
        server.kill()
