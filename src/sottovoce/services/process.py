"""Child processes of the supervisor: started with a socket and a key, ended for certain."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from sottovoce.config import EngineKind
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.services.child import SERVICE_KEY, SERVICE_MODEL
from sottovoce.services.logs import ChildLog

LOG_DRAIN = 0.2
"""Seconds for a dead child's last words to arrive; a grandchild may hold the pipe open for longer."""

_STDOUT = 1
_SECRETS = ("_API_KEY", "_API_SECRET", "_SECRET_KEY", "_TOKEN", "_PASSWORD", "DATABASE_URL")
_LEAN = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Children that do little arithmetic need no pool of threads for it, nor an allocation arena for each."""


class Child(Protocol):
    """A running child."""

    @property
    def pid(self) -> int: ...

    @property
    def last_words(self) -> str:
        """The line of what it printed last that tells most about its end."""

    async def wait(self) -> int:
        """Its exit status; negative is the signal that killed it."""

    async def stop(self, deadline: float) -> None:
        """Ask it to end, and after `deadline` seconds make it. Returns when it is gone."""

    async def kill(self) -> None:
        """Make it and what it started end now. Returns when it is gone; harmless when it already is."""


class Spawn(Protocol):
    """Starts one child that serves `model`. Raises OSError."""

    async def __call__(
        self, kind: EngineKind, sock: socket.socket, key: str, model: InstalledModel
    ) -> Child: ...


class SystemChild(asyncio.SubprocessProtocol):
    """A process of the system, the head of a session of its own, so that its whole family can be killed.

    Its end is seen when it ends, not when its pipes close, which a grandchild may hold open.
    """

    def __init__(self, kind: EngineKind) -> None:
        self._log = ChildLog(kind)
        self._exited, self._silent = asyncio.Event(), asyncio.Event()
        self._transport: asyncio.SubprocessTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        assert isinstance(data, bytes)
        self._log.push(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == _STDOUT:
            self._log.flush()
            self._silent.set()

    def process_exited(self) -> None:
        self._exited.set()

    @property
    def pid(self) -> int:
        return self._transport.get_pid()

    @property
    def last_words(self) -> str:
        return self._log.last_words

    async def wait(self) -> int:
        await self._exited.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(LOG_DRAIN):
                await self._silent.wait()
        status = self._transport.get_returncode()
        assert status is not None
        return status

    async def stop(self, deadline: float) -> None:
        with suppress(ProcessLookupError):
            self._transport.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                await self._exited.wait()
        await self.kill()

    async def kill(self) -> None:
        if self._transport.is_closing():
            return
        with suppress(
            ProcessLookupError, PermissionError
        ):  # gone, or of a family that is all zombies (macOS)
            os.killpg(self.pid, signal.SIGKILL)
        try:
            await self.wait()
        finally:  # whoever waits may be told to stop meanwhile
            self._transport.close()


@dataclass(frozen=True, slots=True)
class Spawner:
    """Starts `python -m sottovoce.services KIND --fd N`.

    The key travels in the environment, which only the owner can read, and so do the model and the `settings`
    that a service needs. The child's standard input is a pipe whose other end only this process holds: the
    child goes when it closes.
    """

    settings: Mapping[str, str]
    program: Sequence[str] = (sys.executable, "-P", "-m", "sottovoce.services")

    async def __call__(
        self, kind: EngineKind, sock: socket.socket, key: str, model: InstalledModel
    ) -> SystemChild:
        _, child = await asyncio.get_running_loop().subprocess_exec(
            lambda: SystemChild(kind),
            *(*self.program, kind, "--fd", str(sock.fileno())),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(sock.fileno(),),
            env=child_environment(os.environ, {**self.settings, **_model(kind, model)}, key),
            start_new_session=True,
        )
        return child


def _model(kind: EngineKind, model: InstalledModel) -> dict[str, str]:
    """A service that is told of no model takes the embedded one."""
    return {} if model == EMBEDDED[kind] else {SERVICE_MODEL: model.model_dump_json()}


def child_environment(
    environment: Mapping[str, str], settings: Mapping[str, str], key: str
) -> dict[str, str]:
    """The parent's environment without its settings and secrets, with what a child needs."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith("SOTTOVOCE_") and not name.endswith(_SECRETS)
    }
    return {**_LEAN, **kept, **settings, SERVICE_KEY: key}
