"""livekit-agents' AgentServer as we run it: threads for jobs, our own load, no cloud, no giving up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

from livekit.agents import AgentServer, JobExecutorType
from livekit.agents import job as agents_job

from sottovoce.livekit.access import LiveKitAccess
from sottovoce.livekit.worker.load import TARGET

IDLE_JOBS: Final = 4
"""Threads that wait for a job, as many as may come at once: livekit-agents makes few at a time, and gives up
a job for which it has none at the third try."""

CLOSE_DEADLINE: Final = 10.0
"""Seconds for a job to end that was asked to; more than its conversation takes (`room_job`)."""

# logs and traces of jobs go nowhere, whoever runs the LiveKit server
agents_job._observability_url = lambda livekit_url: None


class JobServer(AgentServer):
    """`load` counts what is promised and not begun as well, so that the framework need not guess at it."""

    def __init__(self, access: LiveKitAccess, load: Callable[[], float]) -> None:
        super().__init__(
            job_executor_type=JobExecutorType.THREAD,
            ws_url=access.url,
            api_key=access.api_key,
            api_secret=access.api_secret,
            load_fnc=load,
            load_threshold=TARGET,
            num_idle_processes=IDLE_JOBS,
            shutdown_process_timeout=CLOSE_DEADLINE,
            max_retry=sys.maxsize,
            host="127.0.0.1",
            port=0,
            http_proxy=None,
        )
        self._load = load

    @property
    def is_registered(self) -> bool:
        return self.id != "unregistered" and not self._connecting and not self._closed

    @property
    def active_ids(self) -> frozenset[str]:
        """Of the jobs whose threads have not ended."""
        if self._closed:
            return frozenset()
        return frozenset(info.job.id for info in self.active_jobs)

    async def tell_load(self) -> None:
        """To the LiveKit server, now: it drops a job for which it believes that nobody is free."""
        if self.is_registered:
            await self._update_worker_status()

    async def _update_worker_status(self) -> None:
        """With the load of now: one that was looked up before the engines were there would keep jobs away."""
        self._worker_load = self._load()
        await super()._update_worker_status()

    async def _invoke_load_fnc(self) -> float:
        """On our own loop, whose numbers these are, rather than in a thread."""
        return self._load()

    def _get_effective_load(self) -> float:
        return self._load()
