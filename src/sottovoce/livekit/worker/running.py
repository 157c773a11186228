"""A worker: waits at a LiveKit server for rooms, and holds a conversation in each it is sent to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from livekit.agents import JobRequest
from livekit.agents.utils.hw import get_cpu_monitor

from sottovoce.config import Settings
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.engines import Engines
from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.session import Session
from sottovoce.http.engine_client import EngineClient
from sottovoce.livekit.access import LiveKitAccess
from sottovoce.livekit.conventions import AGENT_STATE, WORKER
from sottovoce.livekit.worker.agent_server import JobServer
from sottovoce.livekit.worker.engines import EngineWatch
from sottovoce.livekit.worker.jobs import Assignment, Jobs
from sottovoce.livekit.worker.load import Processor, load, this_processor, told
from sottovoce.livekit.worker.metrics import Observed, WorkerMetrics
from sottovoce.livekit.worker.room_job import Rooms
from sottovoce.livekit.worker.waiting_rooms import Self, WaitingRooms
from sottovoce.realtime.measured_sessions import measured
from sottovoce.realtime.voice_listing import VoiceListing

logger = logging.getLogger(__name__)

LOOK_INTERVAL: Final = 0.2
"""Seconds between looks at the registration, which livekit-agents loses without a word."""
ANSWER_DEADLINE: Final = 1.0
"""Seconds for an offer to be answered; the LiveKit server drops a job after three."""


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
        self._processor = processor or this_processor(get_cpu_monitor().cpu_count())
        self._on_registration = on_registration
        self._clients = EngineClients(engines)
        self._asker = EngineClient()
        self._voices = VoiceListing(self._asker, self._clients.failover)
        self.engines = EngineWatch(engines, self._back)
        self.metrics = WorkerMetrics(self._observe)
        self._server = JobServer(access, lambda: told(self._load()))
        self._jobs = Jobs(self._rooms().hold, asyncio.get_running_loop(), self._back)
        self._server.rtc_session(
            self._jobs.entrypoint, agent_name=settings.livekit.agent_name, on_request=self._offered
        )
        own = Self(settings.livekit.agent_name, mark, self._can_take, lambda: self._jobs.rooms)
        self._waiting = WaitingRooms(access, own)
        self._promised: set[str] = set()
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
        timeout = self._settings.livekit.drain_timeout
        if timeout and not stop.is_urgent.is_set():
            logger.info("draining: %s conversations may go on for %s s", self._taken, timeout)
            draining = asyncio.create_task(self._server.drain(timeout=timeout))
            urgent = asyncio.create_task(stop.is_urgent.wait())
            await asyncio.wait({draining, urgent}, return_when=asyncio.FIRST_COMPLETED)
            for task in (draining, urgent):
                task.cancel()
            await asyncio.wait({draining, urgent})
        if self._taken:
            logger.info("ending %s conversations", self._taken)

    # -- offers

    async def _offered(self, request: JobRequest) -> None:
        request.job.enable_recording = False
        try:
            async with asyncio.timeout(ANSWER_DEADLINE):
                await self.engines.are_well()
        except TimeoutError:
            logger.warning("the engines did not answer in time: what is known of them is used")
        if (reason := self._refusal()) is not None:
            self.metrics.offered(reason)
            await request.reject(terminate=False)  # another worker is asked
            return
        self._promised.add(request.id)
        try:
            await request.accept(attributes={AGENT_STATE: "initializing", WORKER: self._mark})
            self.metrics.offered("accepted")
        except Exception:
            self.metrics.offered("withdrawn")
            raise
        finally:
            self._promised.discard(request.id)
            self._changed()

    def _can_take(self) -> bool:
        return self._server.is_registered and self._refusal() is None

    def _refusal(self) -> str | None:
        """Why no job is taken, as the metrics name it."""
        if self._server.draining:
            return "draining"
        if self.engines.missing:
            return "engines"
        if self._taken >= self._settings.max_sessions:
            return "full"
        return "busy" if self._load() >= 1.0 else None

    # -- how it is

    @property
    def _taken(self) -> int:
        """Places, from the promise to the end of the conversation."""
        return len(self._promised | self._jobs.open(self._server.active_ids))

    def _load(self) -> float:
        if self.engines.missing:
            return 1.0
        return load(self._taken, self._settings.max_sessions, self._processor)

    def _observe(self) -> Observed:
        return Observed(
            load=self._load(),
            sessions=self._taken,
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
