"""Uploaded audio of any usual format as 16 kHz mono, decoded in a child process with limits.

A crafted container can hang or crash a decoder, name files and hosts to open, or hold an hour of silence in
a kilobyte. So decoding happens in a process of its own (`decode_child`) that may take only so much memory,
processor time and wall time, and may open nothing.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import IO

from sottovoce.errors import BadAudioError, TooLargeError

SAMPLE_RATE_HZ = 16_000
CHUNK_BYTES = 32_000
"""One second: bounds what is in memory, together with the pipe."""

EXIT_BAD, EXIT_TOO_LONG = 3, 4
"""The child's exit status; its standard error then says what is wrong."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one upload may cost."""

    duration: float = 30 * 60.0
    """Seconds of audio; 7 MB of FLAC can hold ten hours of silence."""
    wall_time: float = 60.0
    """Seconds the child may work for, not counting waits for whoever reads."""
    cpu_time: int = 60
    """Seconds; half an hour of MP3 takes 5."""
    memory_bytes: int = 1 << 30
    """Address space; libraries take 300 MB of it, a usual file 30 MB more."""


async def decode(file: IO[bytes], limits: DecodeLimits | None = None) -> AsyncGenerator[bytes]:
    """16 kHz mono s16le, a second at a time. `file` needs a descriptor and is read from its start.

    Raises `BadAudioError` naming the fault, and `TooLargeError` past `limits.duration`. Ends the child when
    closed.
    """
    limits = limits or DecodeLimits()
    file.seek(0)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "sottovoce.audio.decode_child"),
        *(str(limits.duration), str(limits.cpu_time), str(limits.memory_bytes)),
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2 * CHUNK_BYTES,
    )
    try:
        async for chunk in _chunks(process, limits.wall_time):
            yield chunk
        await _check(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _chunks(process: asyncio.subprocess.Process, wall_time: float) -> AsyncGenerator[bytes]:
    assert process.stdout is not None
    loop = asyncio.get_running_loop()
    left = wall_time
    while True:
        asked = loop.time()
        try:
            async with asyncio.timeout(left):
                chunk = await _read(process.stdout)
        except TimeoutError:
            raise BadAudioError(
                f"The file could not be decoded within {wall_time:g} s.", param="file"
            ) from None
        left -= loop.time() - asked
        if not chunk:
            return
        yield chunk


async def _read(stdout: asyncio.StreamReader) -> bytes:
    """A whole chunk, or what is left of the stream."""
    try:
        return await stdout.readexactly(CHUNK_BYTES)
    except asyncio.IncompleteReadError as error:
        return error.partial


async def _check(process: asyncio.subprocess.Process) -> None:
    """Raise what the child's end means."""
    assert process.stderr is not None
    said = (await process.stderr.read(4096)).decode(errors="replace").strip()
    status = await process.wait()
    if status == 0:
        return
    if status == EXIT_TOO_LONG:
        raise TooLargeError(said, param="file", code="audio_too_long")
    if status == EXIT_BAD:
        raise BadAudioError(said, param="file")
    raise BadAudioError("The file takes more memory or time to decode than is allowed.", param="file")
