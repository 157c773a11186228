"""One life of a llama.cpp server: from its start to its end, for whatever reason."""

from __future__ import annotations

import asyncio
import subprocess
from collections import deque
from contextlib import suppress

import psutil

from sottovoce.errors import EngineUnavailable
from sottovoce.processes.cancelling import cancelled
from sottovoce.processes.child import SystemChild
from sottovoce.processes.logs import LineSplitter
from sottovoce.services.ending import exit_reason
from sottovoce.services.llama.backend import Backend
from sottovoce.services.llama.client import LlamaClient
from sottovoce.services.llama.reason import reason
from sottovoce.services.process import engine_log

LOOK_INTERVAL = 0.05
"""Seconds between two looks at a server that starts."""
LOOK_DEADLINE = 0.8
"""Seconds in which a server says how it is, from a thread that does nothing else."""
WATCH_INTERVAL = 0.5
"""Seconds between two looks at one that runs."""
MISSED_LOOKS = 3
"""In a row, after which it hangs: with the deadline, known within three seconds."""
KEPT_LINES = 60
"""Of what it printed: a load that fails says why in the first of its last thirty lines."""
STOP_DEADLINE = 1.0


class LlamaChild(SystemChild):
    """Belongs to the session of the service, so that whoever kills that one's family kills it too."""

    def __init__(self) -> None:
        super().__init__(engine_log("llm"))
        self._splitter = LineSplitter()
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        super().pipe_data_received(fd, data)
        assert isinstance(data, bytes)
        self.lines.extend(self._splitter.push(data))

    async def kill(self) -> None:
        if self._transport.is_closing():
            return
        with suppress(ProcessLookupError):
            self._transport.kill()
        try:
            await self.wait()
        finally:
            self._transport.close()


class Life:
    """A server that runs; `client` is told its address."""

    def __init__(self, child: LlamaChild, client: LlamaClient) -> None:
        self._child = child
        self._client = client
        self._fault = asyncio.get_running_loop().create_future()

    @classmethod
    async def begin(cls, backend: Backend, client: LlamaClient) -> Life:
        """Raises `EngineUnavailable` where the program cannot be started."""
        try:
            _, child = await asyncio.get_running_loop().subprocess_exec(
                LlamaChild,
                *backend.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=dict(backend.environment),
            )
        except OSError as error:
            raise EngineUnavailable(f"llama.cpp cannot be started: {error}.", engine="llm") from error
        return cls(child, client)

    @property
    def pid(self) -> int:
        return self._child.pid

    async def wait_ready(self) -> None:
        """Until the model is loaded. Raises `EngineUnavailable` with the reason of one that ended first."""
        ending = asyncio.create_task(self._child.wait())
        loading = asyncio.create_task(self._loaded())
        try:
            await asyncio.wait({ending, loading}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                raise EngineUnavailable(f"llama.cpp {self._end(ending.result())}", engine="llm")
            loading.result()
        finally:
            await cancelled(ending, loading)

    async def watch(self) -> str:
        """Until it has ended or hangs, when it is killed; why, as the end of a sentence."""
        ending = asyncio.create_task(self._child.wait())
        watching = asyncio.create_task(self._until_hung())
        try:
            await asyncio.wait({ending, watching, self._fault}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                return self._end(ending.result())
            return str(self._fault.result()) if self._fault.done() else watching.result()
        finally:
            await cancelled(ending, watching)
            await self._child.kill()

    def give_up(self, fault: str) -> None:
        """Whoever works with it found out that it hangs."""
        if not self._fault.done():
            self._fault.set_result(fault)

    async def end(self) -> None:
        await self._child.stop(STOP_DEADLINE)

    async def _loaded(self) -> None:
        while not (port := await asyncio.to_thread(_listening_port, self._child.pid)):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_INTERVAL)
        self._client.address = f"http://127.0.0.1:{port}"
        while not await self._client.is_well(LOOK_DEADLINE):  # noqa: ASYNC110  another process's state
            await asyncio.sleep(LOOK_INTERVAL)

    async def _until_hung(self) -> str:
        missed = 0
        while missed < MISSED_LOOKS:
            if await self._client.is_well(LOOK_DEADLINE):
                missed = 0
                await asyncio.sleep(WATCH_INTERVAL)
            else:
                missed += 1
        return "hangs: it did not answer in time"

    def _end(self, status: int) -> str:
        return f"ended: {said}" if (said := reason(self._child.lines)) else exit_reason(status, "")


def _listening_port(pid: int) -> int | None:
    """Where the process, or the one that it guards, listens. The system knows, and no stranger can be it."""
    try:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            for connection in each.net_connections("tcp4"):
                if connection.status == psutil.CONN_LISTEN:
                    return int(connection.laddr.port)
    except psutil.Error:
        pass  # it has just ended, which its waiter tells
    return None
