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

EXIT_BAD, EXIT_TOO_LONG, EXIT_RESOURCES = 3, 4, 5
"""The child's exit status; for the first two its standard error says what is wrong."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one upload may cost."""

    duration: float = 2 * 3600.0
    """Seconds of audio; 7 MB of FLAC can hold ten hours of silence."""
    stall_deadline: float = 20.0
    """Seconds the child may take for the next second of audio; a usual file takes it 3 ms, its start 150."""
    cpu_time: int = 390
    """Seconds in all; two hours of MP3 take 20."""
    memory_bytes: int = 1 << 30
    """Address space; libraries take 300 MB of it, a usual file 30 MB more."""

    @classmethod
    def lasting(cls, duration: float) -> DecodeLimits:
        """For files of up to `duration` seconds, with processor time for eight channels at 192 kHz."""
        return cls(duration, cpu_time=30 + int(duration / 20))


async def decode(file: IO[bytes], limits: DecodeLimits | None = None) -> AsyncGenerator[bytes]:
    """16 kHz mono s16le, a second at a time. `file` needs a descriptor and is read from its start; its
    position is neither used nor changed.

    Raises `BadAudioError` naming the fault, and `TooLargeError` past `limits.duration`. Ends the child when
    closed.
    """
    limits = limits or DecodeLimits()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "sottovoce.audio.decode_child"),
        *(str(limits.duration), str(limits.cpu_time), str(limits.memory_bytes)),
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2 * CHUNK_BYTES,
    )
    try:
        async for chunk in _chunks(process, limits.stall_deadline):
            yield chunk
        await _check(process)
    finally:
        if process.returncode is None:
            process.kill()
        await _read_all(process.stdout)  # its pipe stays open until its end has been read
        await process.wait()


async def _chunks(process: asyncio.subprocess.Process, stall_deadline: float) -> AsyncGenerator[bytes]:
    assert process.stdout is not None
    while True:
        try:
            async with asyncio.timeout(stall_deadline):
                chunk = await _read(process.stdout)
        except TimeoutError:
            raise BadAudioError(
                f"The file yields no audio: decoding it was stopped after {stall_deadline:g} s without any.",
                param="file",
            ) from None
        if not chunk:
            return
        yield chunk


async def _read(stdout: asyncio.StreamReader) -> bytes:
    """A whole chunk, or what is left of the stream."""
    try:
        return await stdout.readexactly(CHUNK_BYTES)
    except asyncio.IncompleteReadError as error:
        return error.partial


async def _read_all(pipe: asyncio.StreamReader | None) -> None:
    while pipe is not None and await pipe.read(CHUNK_BYTES):
        pass


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
