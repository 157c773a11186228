"""Jobs that are begun in threads of their own and held on one loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from sottovoce.livekit.worker.jobs import Assignment, Jobs

of_the_job = contextvars.ContextVar("of_the_job", default="nobody's")


class Job:
    """What of livekit's JobContext is used, on a loop of its own, as livekit runs it."""

    def __init__(self, jobs: Jobs, job_id: str = "AJ_1", patience: float = 10.0) -> None:
        """`patience`: seconds for each callback, as livekit gives them a time."""
        self.job = SimpleNamespace(
            id=job_id, room=SimpleNamespace(name="kitchen"), metadata="", attributes={}
        )
        self._info = SimpleNamespace(url="ws://x", token="t", received_at=0.0)
        self._jobs, self._patience = jobs, patience
        self._callbacks: list[Callable[[], Awaitable[None]]] = []
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.is_begun = threading.Event()

    def _on_connect(self) -> None:
        pass

    def add_shutdown_callback(self, callback: Callable[[], Awaitable[None]]) -> None:
        self._callbacks.append(callback)

    def shutdown(self, reason: str) -> None:
        self._over.set()

    def shut_down_from_outside(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)

    async def _run(self) -> None:
        of_the_job.set("the job's")
        self._over, self._loop = asyncio.Event(), asyncio.get_running_loop()
        await self._jobs.entrypoint(self)  # type: ignore[arg-type]
        self.is_begun.set()
        await self._over.wait()
        for callback in self._callbacks:
            with suppress(TimeoutError):
                await asyncio.wait_for(callback(), self._patience)


async def _ended(job: Job) -> None:
    await asyncio.to_thread(job.thread.join, 10)
    assert not job.thread.is_alive()


async def test_a_conversation_is_held_on_the_one_loop_and_ends_its_job() -> None:
    seen: list[Any] = []

    async def hold(assignment: Assignment, stop: asyncio.Event) -> None:
        seen.extend([assignment.room, asyncio.get_running_loop(), of_the_job.get()])

    jobs = Jobs(hold, asyncio.get_running_loop())
    job = Job(jobs)
    job.thread.start()
    await _ended(job)
    assert seen == ["kitchen", asyncio.get_running_loop(), "nobody's"]
    assert jobs.rooms == frozenset()


async def test_a_job_that_is_asked_to_end_ends_its_conversation_first() -> None:
    order: list[str] = []

    async def hold(assignment: Assignment, stop: asyncio.Event) -> None:
        await stop.wait()
        await asyncio.sleep(0.01)
        order.append("goodbye")

    jobs = Jobs(hold, asyncio.get_running_loop())
    job = Job(jobs)
    job.thread.start()
    await asyncio.to_thread(job.is_begun.wait, 10)
    assert jobs.open(frozenset({"AJ_1"})) == {"AJ_1"}
    job.shut_down_from_outside()
    await _ended(job)
    assert order == ["goodbye"]


async def test_a_place_is_free_when_the_conversation_is_over_though_its_thread_is_not() -> None:
    go_on = asyncio.Event()

    async def hold(assignment: Assignment, stop: asyncio.Event) -> None:
        await go_on.wait()

    changed = asyncio.Event()
    jobs = Jobs(hold, asyncio.get_running_loop(), changed.set)
    job = Job(jobs)
    job.thread.start()
    await asyncio.to_thread(job.is_begun.wait, 10)
    known = frozenset({"AJ_1"})
    assert jobs.open(known) == known
    go_on.set()
    await changed.wait()
    assert jobs.open(known) == frozenset()
    await _ended(job)
    assert jobs.open(frozenset()) == frozenset()
    assert jobs.open(known) == known  # what is forgotten may come again


async def test_all_can_be_ended_and_waited_for() -> None:
    async def hold(assignment: Assignment, stop: asyncio.Event) -> None:
        await stop.wait()

    jobs = Jobs(hold, asyncio.get_running_loop())
    several = [Job(jobs, f"AJ_{number}") for number in range(3)]
    for job in several:
        job.thread.start()
        await asyncio.to_thread(job.is_begun.wait, 10)
    jobs.end_all()
    for job in several:
        await _ended(job)
    assert jobs.rooms == frozenset()


async def test_a_conversation_that_breaks_is_logged_and_frees_its_job(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def hold(assignment: Assignment, stop: asyncio.Event) -> None:
        raise ZeroDivisionError

    jobs = Jobs(hold, asyncio.get_running_loop())
    job = Job(jobs)
    job.thread.start()
    await _ended(job)
    assert "ZeroDivisionError" in caplog.text


async def test_a_job_that_does_not_wait_for_its_conversation_frees_its_place_all_the_same() -> None:
    go_on, changed = asyncio.Event(), asyncio.Event()

    async def hold(assignment: Assignment, stop: asyncio.Event) -> None:
        await stop.wait()
        await go_on.wait()

    jobs = Jobs(hold, asyncio.get_running_loop(), changed.set)
    job = Job(jobs, patience=0.01)
    job.thread.start()
    await asyncio.to_thread(job.is_begun.wait, 10)
    job.shut_down_from_outside()
    await _ended(job)
    assert jobs.open(frozenset()) == {"AJ_1"}
    go_on.set()
    await changed.wait()
    assert jobs.open(frozenset()) == frozenset()
