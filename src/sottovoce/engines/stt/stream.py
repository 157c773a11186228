"""The service's end of one recogniser process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sottovoce.engines.stt.base import InterimListener, SegmentListener
from sottovoce.engines.stt.wire import (
    HEADER,
    MAX_PAYLOAD_BYTES,
    Kind,
    pack,
    unpack_header,
    unpack_segment,
)
from sottovoce.errors import EngineCrashed, EngineError, EngineTimeout

STALL_DEADLINE = 3.0
"""Seconds a process with work to do may say nothing: it reports for every 100 ms decoded, which take it 15.
After that it is killed."""

NICENESS = 5
"""A third of the processor's time that others get: enough to say something before the deadline."""

Result = TypeVar("Result")


class WorkerStream:
    """A `TranscriberStream`. `on_close` is called once, when the process is gone or given up."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        on_interim: InterimListener | None = None,
        on_segment: SegmentListener | None = None,
        on_close: Callable[[], None] = lambda: None,
        stall_deadline: float = STALL_DEADLINE,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._on_interim, self._on_segment, self._on_close = on_interim, on_segment, on_close
        self._stall_deadline = stall_deadline
        self._pid: int | None = None
        self._messages = 0
        self._resets = 0
        self._done: list[str] = []
        self._failure: EngineError | None = None
        loop = asyncio.get_running_loop()
        self._hello: asyncio.Future[None] = loop.create_future()
        self._final: asyncio.Future[str] | None = None
        self._ended: asyncio.Future[None] = loop.create_future()
        self._task = asyncio.create_task(self._read(), name="recogniser stream")

    @property
    def pid(self) -> int | None:
        """The process, once it has said hello."""
        return self._pid

    async def ready(self) -> None:
        await self._watched(_wait_for(self._hello))

    def give_way(self) -> None:
        """Let other processes go first where the processor is short."""
        if self._pid is not None and self._failure is None:
            os.setpriority(os.PRIO_PROCESS, self._pid, NICENESS)

    async def push(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), MAX_PAYLOAD_BYTES):
            self._write(pack(Kind.AUDIO, pcm[at : at + MAX_PAYLOAD_BYTES]))
            await self._watched(self._writer.drain())

    async def finish(self) -> str:
        self._final = asyncio.get_running_loop().create_future()
        self._write(pack(Kind.FINISH))
        return await self._watched(_wait_for(self._final))

    async def reset(self) -> None:
        self._resets += 1
        self._done.clear()
        self._write(pack(Kind.RESET))
        await self._watched(self._writer.drain())

    async def aclose(self) -> None:
        self._give_up(EngineCrashed("The recogniser's stream was closed.", engine="stt"))
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _write(self, message: bytes) -> None:
        if self._failure is not None:
            raise self._failure
        self._writer.write(message)

    async def _watched(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of `work`; a process that says nothing meanwhile is killed, a cancelled caller's
        too."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await self._wait(task)
            return task.result()
        except OSError as error:  # writing to a process whose end has not been read yet
            raise self._died() from error
        except BaseException:
            task.cancel()
            self._give_up(
                EngineCrashed("The recogniser was stopped in the middle of its work.", engine="stt")
            )
            raise

    async def _wait(self, task: asyncio.Future[Result]) -> None:
        before = self._messages
        wanted: set[asyncio.Future[Any]] = {task, self._ended}
        await asyncio.wait(wanted, timeout=self._stall_deadline, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return
        if self._failure is None and self._messages == before:
            message = f"The recogniser said nothing for {self._stall_deadline:g} s and was stopped."
            self._give_up(EngineTimeout(message, engine="stt"))
        if self._failure is not None:
            raise self._failure

    async def _read(self) -> None:
        try:
            while True:
                kind, length = unpack_header(await self._reader.readexactly(HEADER.size))
                self._messages += 1
                self._receive(kind, await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            self._died()
        except ValueError as error:
            self._give_up(EngineCrashed(f"The recogniser sent garbage: {error}.", engine="stt"))

    def _receive(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.HELLO:
            self._pid = int(payload)
            self._hello.set_result(None)
        elif kind is Kind.RESET:
            self._resets -= 1
        elif kind is Kind.FINAL and self._final is not None and not self._final.done():
            text, self._done = " ".join(self._done), []
            self._final.set_result(text)
        elif not self._resets:  # else it is about an utterance that is to be forgotten
            self._learn(kind, payload)

    def _learn(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.SEGMENT:
            segment = unpack_segment(payload)
            self._done.append(segment.text)
            if self._on_segment is not None:
                self._on_segment(segment)
        elif kind is Kind.INTERIM and self._on_interim is not None:
            self._on_interim(" ".join([*self._done, payload.decode()]))

    def _died(self) -> EngineError:
        """The failure of the stream, which may have failed before."""
        died = EngineCrashed("The recogniser's process died.", engine="stt")
        self._give_up(died)
        return self._failure or died

    def _give_up(self, failure: EngineError) -> None:
        """Kill the process. It has not been seen to end, so its id is still its own."""
        if self._failure is not None:
            return
        self._failure = failure
        self._ended.set_result(None)
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._writer.transport.abort()
        self._on_close()


async def _wait_for(future: asyncio.Future[Result]) -> Result:
    return await future
