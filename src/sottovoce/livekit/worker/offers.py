"""What a LiveKit server offers a worker: taken while there are places and engines, refused otherwise."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from livekit.agents import JobRequest

from sottovoce.livekit.conventions import AGENT_STATE, WORKER
from sottovoce.livekit.worker.agent_server import JobServer
from sottovoce.livekit.worker.engines import EngineWatch
from sottovoce.livekit.worker.jobs import Jobs
from sottovoce.livekit.worker.load import Processor, load

ANSWER_DEADLINE: Final = 1.0
"""Seconds for an offer to be answered; the LiveKit server drops a job after three."""

logger = logging.getLogger(__name__)


class Offers:
    """`answer` each; `answered` hears how, as the metrics name it, `changed` of places that are taken or
    free again. `mark` is the worker's."""

    def __init__(
        self,
        server: JobServer,
        jobs: Jobs,
        engines: EngineWatch,
        *,
        places: int,
        processor: Processor,
        mark: str,
        answered: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self._server, self._jobs, self._engines = server, jobs, engines
        self._places, self._processor, self._mark = places, processor, mark
        self._answered, self._changed = answered, changed
        self._promised: set[str] = set()

    @property
    def taken(self) -> int:
        """Places, from the promise to the end of the conversation."""
        return len(self._promised | self._jobs.open(self._server.active_ids))

    @property
    def load(self) -> float:
        """From 0 to 1, where 1 is no room."""
        return 1.0 if self._engines.missing else load(self.taken, self._places, self._processor)

    @property
    def refusal(self) -> str | None:
        """Why no job is taken, as the metrics name it."""
        if self._server.draining:
            return "draining"
        if self._engines.missing:
            return "engines"
        if self.taken >= self._places:
            return "full"
        return "busy" if self.load >= 1.0 else None

    async def answer(self, request: JobRequest) -> None:
        request.job.enable_recording = False
        try:
            async with asyncio.timeout(ANSWER_DEADLINE):
                await self._engines.are_well()
        except TimeoutError:
            logger.warning("the engines did not answer in time: what is known of them is used")
        if (reason := self.refusal) is None:
            await self._accept(request)
        else:
            self._answered(reason)
            await request.reject(terminate=False)  # another worker is asked

    async def _accept(self, request: JobRequest) -> None:
        self._promised.add(request.id)
        try:
            await request.accept(attributes={AGENT_STATE: "initializing", WORKER: self._mark})
            self._answered("accepted")
        except Exception:
            self._answered("withdrawn")
            raise
        finally:
            self._promised.discard(request.id)
            self._changed()
