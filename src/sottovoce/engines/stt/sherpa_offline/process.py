"""The service's end of the recogniser process: load, hear, kill."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from sottovoce.engines.stt.sherpa_offline.wire import HEADER, Heard, Loaded, Task, pack, unpack_header
from sottovoce.engines.stt.sherpa_offline.worker import WorkerOptions
from sottovoce.errors import EngineCrashed, EngineError, EngineTimeout, EngineUnavailable

LOAD_DEADLINE = 120.0
"""Seconds for the largest model from a slow disk."""
STOP_DEADLINE = 2.0
MAX_LINE_CHARACTERS = 500
"""Of the process's last words, in the error that gives them."""

MAX_READ_BYTES = 4096

logger = logging.getLogger(__name__)

Message = TypeVar("Message", bound=BaseModel)


class OfflineProcess:
    """A running one. Any failure but a model's own word of it kills the process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last_words = ""
        self._listening = asyncio.create_task(self._listen(), name="recogniser's last words")

    @classmethod
    async def start(
        cls, options: WorkerOptions, deadline: float = LOAD_DEADLINE
    ) -> tuple[OfflineProcess, Loaded]:
        """Raises `EngineError` with the reason."""
        process = cls(await _spawned(options))
        try:
            loaded = await process._told(Loaded, deadline, "load")
            if loaded.failure is not None:
                raise EngineError(loaded.failure, engine="stt", code="bad_model")
        except BaseException:
            await process.aclose()
            raise
        return process, loaded

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def hear(self, task: Task, pcm: bytes, deadline: float) -> Heard:
        """Raises `EngineCrashed`, `EngineTimeout`, and `EngineError` where the model failed."""
        heard = await self._told(Heard, deadline, "answer", pack(task, pcm))
        if heard.failure is not None:
            raise EngineError(f"The recogniser failed: {heard.failure}", engine="stt")
        return heard

    async def aclose(self) -> None:
        """It holds nothing that needs an ending."""
        if self.is_alive:
            self._process.kill()
        try:
            async with asyncio.timeout(STOP_DEADLINE):
                await self._process.wait()
                await self._listening
        except TimeoutError:  # stuck in the kernel; it ends when that lets go of it
            logger.error("the recogniser's process %d was killed, and has not ended yet", self.pid)

    async def _told(self, kind: type[Message], deadline: float, what: str, asked: bytes = b"") -> Message:
        try:
            async with asyncio.timeout(deadline):
                await self._write(asked)
                return kind.model_validate_json(await self._read())
        except TimeoutError:
            await self.aclose()
            raise EngineTimeout(
                f"The recogniser did not {what} in {deadline:.0f} s and was stopped.", engine="stt"
            ) from None
        except (asyncio.IncompleteReadError, OSError):
            raise await self._died() from None
        except (ValueError, ValidationError) as error:
            await self.aclose()
            raise EngineCrashed("The recogniser sent garbage.", engine="stt") from error

    async def _write(self, asked: bytes) -> None:
        """Waits while the pipe is full: one that hangs takes nothing."""
        assert self._process.stdin is not None
        self._process.stdin.write(asked)
        await self._process.stdin.drain()

    async def _read(self) -> bytes:
        assert self._process.stdout is not None
        json_bytes, _ = unpack_header(await self._process.stdout.readexactly(HEADER.size))
        return await self._process.stdout.readexactly(json_bytes)

    async def _died(self) -> EngineCrashed:
        """It has closed its output, and is about to end by itself."""
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_DEADLINE):
                await self._process.wait()
        await self.aclose()
        last = f": {self._last_words}" if self._last_words else ""
        return EngineCrashed(
            f"The recogniser's process died (exit status {self._process.returncode}){last}", engine="stt"
        )

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        while said := await self._process.stderr.read(MAX_READ_BYTES):
            for line in filter(None, map(str.strip, said.decode(errors="replace").splitlines())):
                self._last_words = line[:MAX_LINE_CHARACTERS]
                logger.info("the recogniser's process: %s", self._last_words)


async def _spawned(options: WorkerOptions) -> asyncio.subprocess.Process:
    """Without the settings and the key of the service. Raises `EngineUnavailable`."""
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "sottovoce.engines.stt.sherpa_offline.worker"),
            options.model_dump_json(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith("SOTTOVOCE_")},
        )
    except OSError as error:
        raise EngineUnavailable(
            f"The recogniser's process cannot be started: {error}.", engine="stt"
        ) from error
