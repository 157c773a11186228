"""A worker: waits at a LiveKit server for rooms, and holds a conversation in each it is sent to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from livekit.agents.utils.hw import get_cpu_monitor

from sottovoce.config import Settings
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.engines import Engines
from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.session import Session
from sottovoce.http.engine_client import EngineClient
from sottovoce.livekit.access import LiveKitAccess
from sottovoce.livekit.worker.agent_server import JobServer
from sottovoce.livekit.worker.engines import EngineWatch
from sottovoce.livekit.worker.jobs import Assignment, Jobs
from sottovoce.livekit.worker.load import Processor, this_processor, told
from sottovoce.livekit.worker.metrics import Observed, WorkerMetrics
from sottovoce.livekit.worker.offers import Offers
from sottovoce.livekit.worker.room_job import Rooms
from sottovoce.livekit.worker.waiting_rooms import Self, WaitingRooms
from sottovoce.realtime.measured_sessions import measured
from sottovoce.realtime.voice_listing import VoiceListing

logger = logging.getLogger(__name__)

LOOK_INTERVAL: Final = 0.2
"""Seconds between looks at the registration, which livekit-agents loses without a word."""


@dataclass(slots=True)
class Stop:
    """`is_asked`: take no more jobs and go when the calls are over. `is_urgent`: end them now."""

    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    is_urgent: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> None:
        self.is_urgent.set()
        self.is_asked.set()


class Worker:
    """Made on the event loop that it runs on. `mark` is the same for whoever runs in its place after it.

    `on_registration` is told each time that it changes.
    """

    def __init__(
        self,
        access: LiveKitAccess,
        settings: Settings,
        engines: Engines,
        *,
        mark: str,
        processor: Processor | None = None,
        on_registration: Callable[[bool, str], None] = lambda is_registered, worker_id: None,
    ) -> None:
        self._settings = settings
        self._mark = mark
        self._on_registration = on_registration
        self._clients = EngineClients(engines)
        self._asker = EngineClient()
        self._voices = VoiceListing(self._asker, self._clients.failover)
        self.engines = EngineWatch(engines, self._back)
        self.metrics = WorkerMetrics(self._observe)
        self._server = JobServer(access, lambda: told(self._offers.load))
        self._jobs = Jobs(self._rooms().hold, asyncio.get_running_loop(), self._back)
        self._offers = Offers(
            self._server,
            self._jobs,
            self.engines,
            places=settings.max_sessions,
            processor=processor or this_processor(get_cpu_monitor().cpu_count()),
            mark=mark,
            answered=self.metrics.offered,
            changed=self._changed,
        )
        self._server.rtc_session(
            self._jobs.entrypoint, agent_name=settings.livekit.agent_name, on_request=self._offers.answer
        )
        own = Self(settings.livekit.agent_name, mark, self._can_take, lambda: self._jobs.rooms)
        self._waiting = WaitingRooms(access, own)
        self._telling: set[asyncio.Task[None]] = set()
        self._was_registered = False
        self._is_closing = False

    @property
    def reasons(self) -> list[str]:
        """Why a room would not get an assistant from here now, for people; none when it would."""
        found = [] if self._server.is_registered else ["not registered at the LiveKit server"]
        if self._server.draining:
            found.append("draining")
        return found + ([self.engines.reason] if self.engines.reason else [])

    async def run(self, stop: Stop) -> None:
        """Until `stop`, and the calls are over. Raises what keeps it from running."""
        async with self._running() as serving:
            asked = asyncio.create_task(stop.is_asked.wait())
            try:
                await asyncio.wait({asked, serving}, return_when=asyncio.FIRST_COMPLETED)
                if serving.done():
                    serving.result()
                await self._drain(stop)
            finally:
                asked.cancel()

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[asyncio.Task[None]]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._clients.aclose)
            stack.push_async_callback(self._asker.aclose)
            stack.callback(self._voices.watch())
            stack.push_async_callback(self.engines.aclose)
            for work, name in (
                (self.engines.run(), "look at the engines again and again"),
                (self._waiting.run(), "look for rooms that wait"),
                (self._watch_registration(), "watch the registration"),
            ):
                _run_beside(stack, work, name)
            serving = asyncio.create_task(self._server.run(devmode=False), name="wait for jobs")
            stack.push_async_callback(self._close, serving)
            yield serving

    async def _close(self, serving: asyncio.Task[None]) -> None:
        self._is_closing = True
        self._jobs.end_all()
        await self._server.aclose()
        await asyncio.gather(serving, *self._telling, return_exceptions=True)

    async def _drain(self, stop: Stop) -> None:
        """Let the calls go on until they are over, time is up, or `stop` is urgent."""
        if self._settings.livekit.drain_timeout and not stop.is_urgent.is_set():
            draining = asyncio.create_task(self._wait_for_calls(self._settings.livekit.drain_timeout))
            urgent = asyncio.create_task(stop.is_urgent.wait())
            await asyncio.wait({draining, urgent}, return_when=asyncio.FIRST_COMPLETED)
            for task in (draining, urgent):
                task.cancel()
            await asyncio.wait({draining, urgent})
        if self._offers.taken:
            logger.info("ending %s conversations", self._offers.taken)

    async def _wait_for_calls(self, timeout: int) -> None:
        logger.info("draining: %s conversations may go on for %s s", self._offers.taken, timeout)
        try:
            await self._server.drain(timeout=timeout)
        except TimeoutError:
            logger.info("the time for draining is over")
        except Exception:  # boundary: whatever keeps it from draining, the calls end
            logger.exception("the worker could not be drained")

    # -- how it is

    def _can_take(self) -> bool:
        return self._server.is_registered and self._offers.refusal is None

    def _observe(self) -> Observed:
        return Observed(
            load=self._offers.load,
            sessions=self._offers.taken,
            max_sessions=self._settings.max_sessions,
            is_registered=self._server.is_registered,
            is_draining=self._server.draining,
            missing=self.engines.missing,
            asked_again=self._waiting.asked,
            outcomes=self._clients.failover.outcomes,
        )

    def _changed(self) -> None:
        """The LiveKit server learns at once what it would learn in seconds, for it decides by that."""
        self._tell(self._server.tell_load())

    def _returned(self, assignment: Assignment) -> None:
        self._tell(self._waiting.remember(assignment.room, assignment.metadata))

    def _tell(self, telling: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(telling, name="tell the LiveKit server")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def _back(self) -> None:
        """Or gone: the engines, the LiveKit server, or a place."""
        self._changed()
        self._waiting.wake()

    async def _watch_registration(self) -> None:
        while not self._is_closing:
            if (is_registered := self._server.is_registered) != self._was_registered:
                self._was_registered = is_registered
                self._on_registration(is_registered, self._server.id)
                self._back()
            await asyncio.sleep(LOOK_INTERVAL)

    def _rooms(self) -> Rooms:
        settings, given = self._settings, self._settings.instructions
        return Rooms(
            measured(partial(Session, self._clients), self.metrics.measured),
            SessionOptions() if given is None else SessionOptions(instructions=given),
            settings.livekit,
            self._mark,
            self._voices,
            tell=self.metrics.over,
            joined=self.metrics.joined,
            returned=self._returned,
        )


def _run_beside(stack: AsyncExitStack, work: Coroutine[None, None, None], name: str) -> None:
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
