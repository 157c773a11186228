from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from sottovoce.processes.backoff import Backoff
from sottovoce.processes.child import Child, SystemChild, begin
from sottovoce.processes.keeping import HOPELESS_PAUSE, MISSED_LOOKS, READY_INTERVAL, Keeping, Seen
from sottovoce.processes.logs import ChildLog
from tests.unit.processes.fakes import FakeChild, FakeClock, settle

READY_DEADLINE = 20.0


@dataclass
class Program:
    """What is kept: `seen` is what the next looks see."""

    clock: FakeClock = field(default_factory=FakeClock)
    seen: Seen = "ready"
    fault: OSError | None = None
    children: list[FakeChild] = field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        self.keeping = Keeping(
            "the program",
            self.begin,
            self.look,
            self.changed,
            ready_deadline=READY_DEADLINE,
            clock=self.clock,
            backoff=Backoff(first=1, longest=4),
        )

    async def begin(self) -> Child:
        if self.fault is not None:
            raise self.fault
        self.children.append(FakeChild(100 + len(self.children)))
        return self.children[-1]

    async def look(self) -> Seen:
        return self.seen

    def changed(self) -> None:
        self.changes += 1

    def crash(self, words: str) -> None:
        self.children[-1].last_words = words
        self.children[-1].end(1)


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    kept = Program()
    running = asyncio.create_task(kept.keeping.run())
    await settle()
    yield kept
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert kept.children[-1].ended.done()


async def test_one_that_answers_is_ready(program: Program) -> None:
    assert program.keeping.status.state == "ready"
    assert program.keeping.status.pid == 100
    assert program.changes == 2  # its start, and that it is ready


async def test_one_that_ends_is_begun_again_and_its_reason_is_told(program: Program) -> None:
    program.crash("port 7880 is taken")
    await settle()
    status = program.keeping.status
    assert (status.state, status.pid) == ("restarting", None)
    assert status.reason == "ended with status 1: port 7880 is taken"
    await program.clock.advance(1)
    assert program.keeping.status.state == "ready"
    assert program.keeping.status.restarts == 1
    assert program.keeping.status.reason is None
    assert len(program.children) == 2


async def test_one_that_falls_silent_is_ended_and_begun_again(program: Program) -> None:
    program.seen = "silent"
    await program.clock.advance(READY_INTERVAL)
    assert program.keeping.status.state == "ready", "one look may fail"
    await program.clock.advance(MISSED_LOOKS * 0.2)
    assert program.keeping.status.reason == "hangs: it does not answer"
    assert program.children[0].signals == ["kill"]
    program.seen = "ready"
    await program.clock.advance(1)
    assert program.keeping.status.state == "ready"


async def test_one_that_is_busy_for_a_moment_lives_on(program: Program) -> None:
    program.seen = "silent"
    await program.clock.advance(READY_INTERVAL)
    program.seen = "ready"
    await program.clock.advance(60)
    assert len(program.children) == 1


async def test_one_that_is_not_ready_any_more_is_not_ended(program: Program) -> None:
    program.seen = "starting"
    await program.clock.advance(60)
    assert program.keeping.status.state == "starting"
    assert program.keeping.status.reason == "is getting ready again"
    assert len(program.children) == 1


async def test_one_that_never_gets_ready_is_begun_again() -> None:
    program = Program(seen="silent")
    running = asyncio.create_task(program.keeping.run())
    await program.clock.advance(READY_DEADLINE + 0.5)
    assert program.keeping.status.reason == "was not ready within 20 s"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_three_starts_that_fail_in_the_same_words_are_reported_and_tried_slowly() -> None:
    program = Program(seen="silent")
    running = asyncio.create_task(program.keeping.run())
    for pause in (1, 2, 0):
        await settle()
        program.crash("unknown field rtc.x")
        await settle()
        await program.clock.advance(pause)
    status = program.keeping.status
    assert status.state == "failed"
    assert status.reason == "ended with status 1: unknown field rtc.x (3 times in a row)"
    await program.clock.advance(HOPELESS_PAUSE - 1)
    assert len(program.children) == 3
    program.seen = "ready"
    await program.clock.advance(1)
    assert program.keeping.status.state == "ready"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_program_that_is_not_there_is_a_reason_too() -> None:
    program = Program(fault=FileNotFoundError(2, "No such file or directory"))
    running = asyncio.create_task(program.keeping.run())
    await settle()
    reason = program.keeping.status.reason
    assert reason is not None
    assert reason.startswith("cannot be started: ")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_whoever_stops_it_asks_the_child_first() -> None:
    program = Program()
    running = asyncio.create_task(program.keeping.run())
    await settle()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert program.children[0].signals == ["stop", "kill"]


async def test_a_child_of_the_system_has_an_own_session_and_a_clean_environment() -> None:
    script = "import os; print(os.getsid(0) == os.getpid(), dict(os.environ).get('HOME'), os.environ['X'])"
    child = await begin(
        lambda: SystemChild(ChildLog("sottovoce.test")), [sys.executable, "-c", script], {"X": "given"}
    )
    assert await child.wait() == 0
    await child.kill()
    assert child.last_words == "True None given"


async def test_a_fault_of_ours_is_told_and_leaves_no_child(caplog: pytest.LogCaptureFixture) -> None:
    kept = Program()

    async def look() -> Seen:
        raise ZeroDivisionError("division by zero")

    kept.keeping.look = look
    with pytest.raises(ZeroDivisionError):
        await kept.keeping.run()
    status = kept.keeping.status
    assert (status.state, status.reason) == ("failed", "is kept no longer: division by zero")
    assert status.pid is None
    assert kept.children[-1].ended.done()
    assert "the program is kept no longer" in caplog.text
