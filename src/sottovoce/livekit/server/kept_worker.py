"""The worker beside the managed server: a child that is told of the engines and tells of its registration."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from sottovoce.config import Settings
from sottovoce.livekit.access import LiveKitAccess
from sottovoce.processes.child import Child, SystemChild, begin
from sottovoce.processes.environment import child_environment
from sottovoce.processes.keeping import Keeping, Seen
from sottovoce.processes.logs import ChildLog, LineSplitter

LOG_NAME: Final = "sottovoce.livekit.worker.running"
COMMAND: Final = (sys.executable, "-P", "-m", "sottovoce", "worker", "--fed")
DRAIN_TIMEOUT: Final = 2
"""Seconds that calls get to end by themselves when `serve` stops, which has nine for everything."""
STOP_DEADLINE: Final = 5.0
LOOK_DEADLINE: Final = 3.0
"""Seconds for an answer, of a process that may import a library or be busy with speech."""
_STDIN, _STDOUT, _STDERR = 0, 1, 2


class WorkerWord(BaseModel):
    """A line of the worker's standard output. `http` is where it answers /readyz, once it does."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    registered: bool
    worker_id: str | None = None
    http: str | None = None


class Readiness(BaseModel):
    """What the worker answers at /readyz."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: str
    reasons: tuple[str, ...] = ()


class WorkerChild(SystemChild):
    """Its standard output holds what it tells its parent, its standard error the log."""

    log_pipe = _STDERR

    def __init__(self, log: ChildLog, on_line: Callable[[str], None]) -> None:
        super().__init__(log)
        self._told = LineSplitter()
        self._on_line = on_line

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        if fd != _STDOUT:
            super().pipe_data_received(fd, data)
            return
        assert isinstance(data, bytes)
        for line in self._told.push(data):
            self._on_line(line)

    def write(self, line: bytes) -> None:
        """Nobody is told where the child has just ended: the next one hears it at its start."""
        pipe = self._transport.get_pipe_transport(_STDIN)
        if pipe is not None and not pipe.is_closing():
            pipe.write(line)  # type: ignore[attr-defined]


@dataclass(slots=True)
class KeptWorker:
    """Runs `command` for rooms of the server at `access`."""

    settings: Settings
    access: LiveKitAccess
    on_change: Callable[[], None]
    command: Sequence[str] = COMMAND
    keeping: Keeping = field(init=False)
    _word: WorkerWord = field(default=WorkerWord(registered=False), init=False)
    lacks: str | None = field(default=None, init=False)
    """Why a room would get no assistant from it, in its own words."""
    _engines: bytes = field(default=b"", init=False, repr=False)
    _child: WorkerChild | None = field(default=None, init=False)
    _client: httpx.AsyncClient = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.keeping = Keeping(
            "the worker", self._begin, self._look, self.on_change, stop_deadline=STOP_DEADLINE
        )
        self._client = httpx.AsyncClient(timeout=LOOK_DEADLINE, trust_env=False)

    def tell_engines(self, line: bytes) -> None:
        """`line` is the newest of `engine_lines.write_line`; a worker that is begun later hears it too."""
        if line != self._engines:
            self._engines = line
            if self._child is not None:
                self._child.write(line)

    async def run(self) -> None:
        """Until cancelled; then it has ended before this returns."""
        try:
            await self.keeping.run()
        finally:
            await self._client.aclose()

    async def _begin(self) -> Child:
        self._word = WorkerWord(registered=False)
        self._child = await begin(
            lambda: WorkerChild(ChildLog(LOG_NAME), self._hear),
            self.command,
            child_environment(os.environ, worker_environment(self.settings, self.access)),
            stderr=subprocess.PIPE,
        )
        if self._engines:
            self._child.write(self._engines)
        return self._child

    def _hear(self, line: str) -> None:
        try:
            self._word = WorkerWord.model_validate_json(line)
        except ValidationError:
            ChildLog(LOG_NAME).push(f"{line}\n".encode())  # a library that prints

    async def _look(self) -> Seen:
        """One that tells where it answers has to answer there: it is registered, and its engines are well."""
        if self._word.http is None:
            self._lack("not registered yet")
            return "starting"
        try:
            reply = await self._client.get(f"{self._word.http}/readyz")
            said = Readiness.model_validate_json(reply.content)
        except (httpx.HTTPError, ValidationError):
            return "silent"
        self._lack("; ".join(said.reasons) or None)
        return "ready" if said.status == "ready" and self._word.registered else "starting"

    def _lack(self, reason: str | None) -> None:
        before, self.lacks = self.lacks, reason
        if reason != before:
            self.on_change()


def worker_environment(settings: Settings, access: LiveKitAccess) -> Mapping[str, str]:
    """The worker's settings. Its own HTTP face has a free port unless one is set: 8081 may be taken."""
    livekit = settings.livekit
    has_port = "worker_port" in livekit.model_fields_set
    told = {
        "LIVEKIT_URL": access.url,
        "LIVEKIT_API_KEY": access.api_key,
        "LIVEKIT_API_SECRET": access.api_secret,
        "SOTTOVOCE_HOME": str(settings.home),
        "SOTTOVOCE_LOG_LEVEL": settings.log_level,
        "SOTTOVOCE_MAX_SESSIONS": str(settings.max_sessions),
        "SOTTOVOCE_LIVEKIT_AGENT_NAME": livekit.agent_name,
        "SOTTOVOCE_LIVEKIT_WORKER_HOST": livekit.worker_host,
        "SOTTOVOCE_LIVEKIT_WORKER_PORT": str(livekit.worker_port if has_port else 0),
        "SOTTOVOCE_LIVEKIT_DRAIN_TIMEOUT": str(min(livekit.drain_timeout, DRAIN_TIMEOUT)),
        "SOTTOVOCE_LIVEKIT_DEPARTURE_TIMEOUT": str(livekit.departure_timeout),
    }
    return (
        told if settings.instructions is None else {**told, "SOTTOVOCE_INSTRUCTIONS": settings.instructions}
    )
