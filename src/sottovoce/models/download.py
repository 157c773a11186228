"""Models fetched by a worker process, which may be ended at any moment and gone on with later."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from sottovoce.config import Settings
from sottovoce.models.download_errors import WorkerCrashed, error_of
from sottovoce.models.download_job import (
    LINE,
    MAX_LINE_BYTES,
    RESERVE_BYTES,
    RETRY_DELAYS,
    Failure,
    Job,
    Progress,
)
from sottovoce.models.entry import ModelEntry
from sottovoce.models.hub import Hub
from sottovoce.models.store import PARTIAL_FOLDER, Store

logger = logging.getLogger(__name__)

WORKER = (sys.executable, "-P", "-m", "sottovoce.models.download_child")
HUB_HOME = ".hub"
"""Below the folder of downloads: where the hub's library may keep what it wants to."""

Download = Callable[..., AsyncGenerator[Progress]]
"""`download`, or what stands in for it."""


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """`revision` wins over the entry's. `reserve_bytes` is left free on the disk."""

    revision: str | None = None
    reserve_bytes: int = RESERVE_BYTES
    retry_delays: tuple[float, ...] = RETRY_DELAYS


async def download(
    entry: ModelEntry,
    settings: Settings,
    options: DownloadOptions | None = None,
    *,
    worker: Sequence[str] = WORKER,
) -> AsyncGenerator[Progress]:
    """Fetch `entry` and put it in place; ends when it is there. To cancel it, close it: what has come stays.

    Raises `DownloadError` with cause and cure.
    """
    options = options or DownloadOptions()
    hub, store = Hub.of(settings), Store(settings.home)
    hub.check_online()
    job = Job(
        home=settings.home.absolute(),
        entry=entry,
        hub_url=hub.url,
        revision=options.revision,
        reserve_bytes=options.reserve_bytes,
        retry_delays=options.retry_delays,
    )
    process = await _started(worker, hub.environment(store.root.absolute() / PARTIAL_FOLDER / HUB_HOME))
    log = asyncio.create_task(_log(process), name=f"log of the download of {entry.id}")
    try:
        assert process.stdin is not None
        process.stdin.write(f"{job.model_dump_json()}\n".encode())
        async for progress in _lines(process):
            yield progress
        await _check(process, entry, log)
    finally:
        await _end(process, log)


async def _started(worker: Sequence[str], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *worker,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is ours to see
            limit=MAX_LINE_BYTES,
        )
    except OSError as error:
        raise WorkerCrashed(f"The download's worker cannot be started: {error.strerror}.") from error


async def _lines(process: asyncio.subprocess.Process) -> AsyncGenerator[Progress]:
    assert process.stdout is not None
    async for line in process.stdout:
        try:
            told = LINE.validate_json(line)
        except ValidationError as error:
            raise WorkerCrashed(f"The download's worker wrote what is no message: {line[:80]!r}") from error
        if isinstance(told, Failure):
            raise error_of(told.code, told.message)
        yield told


async def _check(process: asyncio.subprocess.Process, entry: ModelEntry, log: asyncio.Task[str]) -> None:
    status, last = await process.wait(), await log
    if status != 0:
        how = f"signal {-status}" if status < 0 else f"status {status}"
        said = f": {last}" if last else ""
        raise WorkerCrashed(
            f"The worker that downloads {entry.id} ended with {how}{said}. Start it again: it goes on where "
            "it was."
        )


async def _log(process: asyncio.subprocess.Process) -> str:
    """What the worker's libraries say, for the log; the last of it, which may tell why it died."""
    assert process.stderr is not None
    last = ""
    while line := await _line(process.stderr):
        if text := "".join(letter for letter in line.decode("utf-8", "replace") if letter.isprintable()):
            last = text[:300]
            logger.info("download: %s", last)
    return last


async def _line(stream: asyncio.StreamReader) -> bytes:
    """Read on whatever comes: a worker whose pipe is full stands still."""
    try:
        return await stream.readline()
    except ValueError:
        return b"\n"  # of a line that is too long, whose beginning is gone


async def _end(process: asyncio.subprocess.Process, log: asyncio.Task[str]) -> None:
    """By force: whatever it does can be gone on with."""
    with suppress(ProcessLookupError, PermissionError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    if process.stdin is not None:
        process.stdin.close()
    if process.stdout is not None:
        with suppress(ValueError):
            await process.stdout.read()  # its pipe stays open until its end has been read
    await process.wait()
    await log
