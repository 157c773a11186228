"""Child processes of the supervisor: started with a socket and a key, ended for certain."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sottovoce.config import EngineKind
from sottovoce.services.child import SERVICE_KEY
from sottovoce.services.logs import ChildLog

LOG_DRAIN = 0.2
"""Seconds for a dead child's last words to arrive; a grandchild may hold the pipe open for longer."""

_SECRETS = ("_API_KEY", "_API_SECRET", "_SECRET_KEY", "_TOKEN", "_PASSWORD", "DATABASE_URL")
_LEAN = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""Children that do little arithmetic need no pool of threads for it, nor an allocation arena for each."""


class Child(Protocol):
    """A running child."""

    @property
    def pid(self) -> int: ...

    @property
    def last_line(self) -> str:
        """What it printed last."""

    async def wait(self) -> int:
        """Its exit status; negative is the signal that killed it."""

    async def stop(self, deadline: float) -> None:
        """Ask it to end, and after `deadline` seconds make it. Returns when it is gone."""

    async def kill(self) -> None:
        """Make it and what it started end now. Returns when it is gone; harmless when it already is."""


class Spawn(Protocol):
    """Starts one child. Raises OSError."""

    async def __call__(self, kind: EngineKind, sock: socket.socket, key: str) -> Child: ...


class SystemChild:
    """A process of the system, the head of a session of its own, so that its whole family can be killed."""

    def __init__(self, process: asyncio.subprocess.Process, kind: EngineKind) -> None:
        self._process = process
        self._log = ChildLog(kind)
        assert process.stdout is not None
        self._forwarding = asyncio.create_task(self._log.forward(process.stdout))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_line(self) -> str:
        return self._log.last_line

    async def wait(self) -> int:
        status = await self._process.wait()
        await asyncio.wait({self._forwarding}, timeout=LOG_DRAIN)
        return status

    async def stop(self, deadline: float) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        with suppress(
            ProcessLookupError, PermissionError
        ):  # gone, or of a family that is all zombies (macOS)
            os.killpg(self.pid, signal.SIGKILL)
        await self.wait()
        self._forwarding.cancel()


@dataclass(frozen=True, slots=True)
class Spawner:
    """Starts `python -m sottovoce.services KIND --fd N`.

    The key travels in the environment, which only the owner can read. The child's standard input is a pipe
    whose other end only this process holds: the child goes when it closes.
    """

    home: Path
    program: Sequence[str] = (sys.executable, "-P", "-m", "sottovoce.services")

    async def __call__(self, kind: EngineKind, sock: socket.socket, key: str) -> SystemChild:
        process = await asyncio.create_subprocess_exec(
            *(*self.program, kind, "--fd", str(sock.fileno())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(sock.fileno(),),
            env=child_environment(os.environ, self.home, key),
            start_new_session=True,
        )
        return SystemChild(process, kind)


def child_environment(environment: Mapping[str, str], home: Path, key: str) -> dict[str, str]:
    """The parent's environment without its settings and secrets, with what a child needs."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith("SOTTOVOCE_") and not name.endswith(_SECRETS)
    }
    return {**_LEAN, **kept, "SOTTOVOCE_HOME": str(home), SERVICE_KEY: key}
