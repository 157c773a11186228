"""A child process: its output becomes log records, and it ends for certain."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from sottovoce.processes.logs import ChildLog

LOG_DRAIN = 0.2
"""Seconds for a dead child's last words to arrive; a grandchild may hold the pipe open for longer."""

_STDOUT = 1


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


class SystemChild(asyncio.SubprocessProtocol):
    """A process of the system, the head of a session of its own, so that its whole family can be killed.

    Its end is seen when it ends, not when its pipes close, which a grandchild may hold open.
    """

    log_pipe = _STDOUT

    def __init__(self, log: ChildLog) -> None:
        self._log = log
        self._exited, self._silent = asyncio.Event(), asyncio.Event()
        self._transport: asyncio.SubprocessTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        assert isinstance(data, bytes)
        self._log.push(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == self.log_pipe:
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


AnyChild = TypeVar("AnyChild", bound=SystemChild)


async def begin(
    make: Callable[[], AnyChild],
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    pass_fds: Sequence[int] = (),
    stderr: int = subprocess.STDOUT,
) -> AnyChild:
    """Start `command` in a session of its own, with `environment` and nothing else. Raises OSError.

    Its standard input is a pipe whose other end only this process holds: the child is to go when it closes.
    """
    _, child = await asyncio.get_running_loop().subprocess_exec(
        make,
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        pass_fds=tuple(pass_fds),
        env=dict(environment),
        start_new_session=True,
    )
    return child
