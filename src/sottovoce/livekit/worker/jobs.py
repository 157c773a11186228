"""From the threads of livekit-agents' jobs to the one event loop on which all conversations run."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from livekit.agents import JobContext

from sottovoce.livekit.conventions import AGAIN

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A room to go to. `received_at` is when the job was offered, Unix seconds."""

    job_id: str
    room: str
    url: str
    token: str = field(repr=False)
    metadata: str = field(default="", repr=False)
    received_at: float = 0.0
    is_again: bool = False
    """Somebody was there when it was asked for, and may have left since."""


Hold = Callable[[Assignment, asyncio.Event], Awaitable[None]]
"""Holds the conversation of one assignment; ends it politely when the event is set. Must not raise."""


@dataclass(eq=False, slots=True)
class _Call:
    assignment: Assignment
    tell_over: Callable[[], None]
    stop: asyncio.Event
    done: concurrent.futures.Future[None] = field(default_factory=concurrent.futures.Future)


class Jobs:
    """`entrypoint` is livekit's to call, in a thread of the job's own; everything else is for `loop` alone.

    The job lasts for as long as its conversation: whichever is asked to end first ends the other.
    """

    def __init__(
        self, hold: Hold, loop: asyncio.AbstractEventLoop, on_change: Callable[[], None] = lambda: None
    ) -> None:
        self._hold = hold
        self._loop = loop
        self._on_change = on_change
        self._tasks: dict[asyncio.Task[None], _Call] = {}
        self._ended: set[str] = set()

    @property
    def rooms(self) -> frozenset[str]:
        """Those that have a conversation of this process."""
        return frozenset(call.assignment.room for call in self._tasks.values())

    def open(self, known: frozenset[str]) -> frozenset[str]:
        """The ids of the jobs that take a place, of which livekit-agents knows `known`: its threads begin
        before their conversations do, and end after."""
        self._ended &= known
        return (known - self._ended) | {call.assignment.job_id for call in self._tasks.values()}

    def end_all(self) -> None:
        """Ask every conversation to end, politely."""
        for call in self._tasks.values():
            call.stop.set()

    async def entrypoint(self, job: JobContext) -> None:
        own = asyncio.get_running_loop()

        def tell_over() -> None:
            with suppress(RuntimeError):  # its loop is closed: it knows
                own.call_soon_threadsafe(job.shutdown, "the conversation is over")

        call = _Call(_assignment(job), tell_over, asyncio.Event())

        async def end() -> None:
            self._loop.call_soon_threadsafe(call.stop.set)
            await asyncio.wrap_future(call.done)

        job._on_connect()  # or it warns that its own room, which nobody needs, was never connected
        job.add_shutdown_callback(end)
        # in a context of its own: an AgentSession that found the job's would report to LiveKit's cloud
        self._loop.call_soon_threadsafe(self._start, call, context=contextvars.Context())

    def _start(self, call: _Call) -> None:
        name = f"converse in {call.assignment.room}"
        task = asyncio.create_task(self._run(call), name=name)
        self._tasks[task] = call
        task.add_done_callback(self._over)

    async def _run(self, call: _Call) -> None:
        await self._hold(call.assignment, call.stop)

    def _over(self, task: asyncio.Task[None]) -> None:
        call = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("job %s broke", call.assignment.job_id, exc_info=error)
        self._ended.add(call.assignment.job_id)
        with suppress(concurrent.futures.InvalidStateError):  # its job did not wait so long
            call.done.set_result(None)
        call.tell_over()
        self._on_change()


def _assignment(job: JobContext) -> Assignment:
    info, given = job._info, job.job
    return Assignment(
        given.id,
        given.room.name,
        info.url,
        info.token,
        given.metadata,
        info.received_at,
        is_again=given.attributes.get(AGAIN) == "true",
    )
