"""The embedded recogniser: pocketsphinx with its wheel's models, mixed with the dialogue engine's phrases.

Its decoder keeps the interpreter lock, so it runs in processes of its own (`zygote`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sottovoce.engines.stt.base import InterimListener, SegmentListener
from sottovoce.engines.stt.stream import STALL_DEADLINE, WorkerStream
from sottovoce.engines.stt.zygote import LOADED
from sottovoce.errors import EngineError, EngineTimeout, EngineUnavailable, LimitExceededError

BUILD_DEADLINE = 120.0
"""Seconds to build the language model: two to three on a usual machine."""
LOAD_DEADLINE = 30.0
STOP_DEADLINE = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PocketsphinxOptions:
    cache: Path
    """Where the mixed language model is kept."""
    max_streams: int = 16
    """Streams at a time; each takes 10 MB and up to a tenth of a core."""
    stall_deadline: float = STALL_DEADLINE
    model_folder: Path | None = None
    """A model built by other means, taken instead of the cached one."""


class PocketsphinxTranscriber:
    """A `Transcriber`."""

    model = "pocketsphinx"
    languages = ("en",)
    can_translate = False
    heeds_language = has_word_times = has_probabilities = True
    fault = None
    """A process of its own that is wedged or dead is replaced by a new one."""

    def __init__(self, options: PocketsphinxOptions) -> None:
        self._options = options
        self._folder = options.model_folder
        self._zygote: _Zygote | None = None
        self._starting = asyncio.Lock()
        self._streams: set[WorkerStream] = set()
        self._opening = 0

    async def start(self) -> None:
        async with self._starting:
            if self._folder is None:
                self._folder = await _build(self._options.cache)
            if self._zygote is None or not self._zygote.is_alive:
                await self._stop_zygote()
                self._zygote = await _Zygote.start(self._folder)

    async def warm(self) -> None:
        """Its processes are forked from one that has worked."""

    @property
    def condition(self) -> Mapping[str, float]:
        return {"streams": len(self._streams)}

    @property
    def zygote_pid(self) -> int | None:
        return self._zygote.pid if self._zygote else None

    async def open_stream(
        self,
        on_interim: InterimListener | None = None,
        on_segment: SegmentListener | None = None,
        *,
        is_live: bool = True,
        language: str = "",
        should_translate: bool = False,
    ) -> WorkerStream:
        """It hears English whatever it is told."""
        if len(self._streams) + self._opening >= self._options.max_streams:
            raise LimitExceededError(
                f"All {self._options.max_streams} streams of the recogniser are in use; "
                "try again in a moment."
            )
        self._opening += 1
        try:
            stream = await self._open(on_interim, on_segment)
        finally:
            self._opening -= 1
        if not is_live:
            stream.give_way()
        return stream

    async def _open(
        self, on_interim: InterimListener | None, on_segment: SegmentListener | None
    ) -> WorkerStream:
        reader, writer = await self._fork()
        stream = WorkerStream(
            reader,
            writer,
            on_interim=on_interim,
            on_segment=on_segment,
            on_close=lambda: self._streams.discard(stream),
            stall_deadline=self._options.stall_deadline,
        )
        self._streams.add(stream)
        try:
            await stream.ready()
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def _fork(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """From a zygote that is started anew if it has died."""
        await self.start()
        assert self._zygote is not None
        try:
            return await self._zygote.fork()
        except EngineUnavailable as error:
            logger.warning("%s", error.message)
            await self._stop_zygote()
        await self.start()
        return await self._zygote.fork()

    async def aclose(self) -> None:
        for stream in list(self._streams):
            await stream.aclose()
        await self._stop_zygote()

    async def _stop_zygote(self) -> None:
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            await zygote.aclose()


class _Zygote:
    """The running zygote process; see `zygote`."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self._process = process
        self._control = control
        self.pid = process.pid

    @classmethod
    async def start(cls, folder: Path) -> _Zygote:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(
                    sys.executable,
                    "-P",
                    "-m",
                    "sottovoce.engines.stt.zygote",
                    str(folder),
                    str(theirs.fileno()),
                ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        zygote = cls(process, ours)
        try:
            await zygote._loaded()
        except BaseException:
            await zygote.aclose()
            raise
        return zygote

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def _loaded(self) -> None:
        self._control.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LOAD_DEADLINE):
                if await loop.sock_recv(self._control, 1) != LOADED:
                    raise EngineUnavailable(
                        "The recogniser's process ended while loading; the log has its last words.",
                        engine="stt",
                    )
        except TimeoutError:
            raise EngineTimeout(
                f"The recogniser did not load in {LOAD_DEADLINE:g} s.", engine="stt"
            ) from None

    async def fork(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a new worker."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [b"F"], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise EngineUnavailable(
                    f"The recogniser takes no more streams ({error.strerror}).", engine="stt"
                ) from error
        return await asyncio.open_connection(sock=ours)

    async def aclose(self) -> None:
        self._control.close()
        if self.is_alive:
            self._process.kill()  # it holds nothing that needs an ending
        async with asyncio.timeout(STOP_DEADLINE):
            await self._process.wait()


async def _build(cache: Path) -> Path:
    """The model's folder, built by a process of its own if it is not in the cache."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "sottovoce.engines.stt.build_model", str(cache)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(BUILD_DEADLINE):
            output, last_words = await _talk(process)
    except TimeoutError:
        raise EngineTimeout(
            f"The language model was not built in {BUILD_DEADLINE:g} s.", engine="stt"
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise EngineError(f"The language model could not be built: {last_words}", engine="stt")
    return Path(os.fsdecode(output.strip()))


async def _talk(process: asyncio.subprocess.Process) -> tuple[bytes, str]:
    """Log what the builder says as it says it; its output and last line."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = ""
    async for said in process.stderr:
        line = said.decode(errors="replace").rstrip()
        logger.info("%s", line)
    output = await process.stdout.read()
    await process.wait()
    return output, line
