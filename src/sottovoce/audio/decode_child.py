"""The process that decodes one upload: a file on standard input, 16 kHz mono s16le on standard output.

python -m sottovoce.audio.decode_child DURATION CPU_TIME MEMORY_BYTES
"""

from __future__ import annotations

import io
import os
import resource
import sys
from typing import TYPE_CHECKING, NoReturn

from sottovoce.audio.decode import EXIT_BAD, EXIT_RESOURCES, EXIT_TOO_LONG, SAMPLE_RATE_HZ
from sottovoce.lifeline import die_with_parent

if TYPE_CHECKING:
    from typing_extensions import Buffer

NICENESS = 5
"""Conversations go first where the processor is short."""
READ_BYTES = 1 << 16
MAX_FILES = 32
"""Descriptors: what reads one file has no business with many."""


def main() -> None:
    duration, cpu_time, memory_bytes = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    die_with_parent()
    os.nice(NICENESS)
    _confine(cpu_time, memory_bytes)
    if os.fstat(0).st_size == 0:
        _end(EXIT_BAD, "The file is empty.")
    try:
        _decode(int(duration * SAMPLE_RATE_HZ))
    except BrokenPipeError:
        os._exit(0)  # nobody wants the rest
    except MemoryError:
        os._exit(EXIT_RESOURCES)


def _confine(cpu_time: int, memory_bytes: int) -> None:
    for what, limit in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_time),
        (resource.RLIMIT_NOFILE, MAX_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def _decode(limit_samples: int) -> None:
    from sottovoce.audio.decode_container import FaultyFileError, frames
    from sottovoce.audio.decode_mixdown import Mixdown

    mixdown = Mixdown(SAMPLE_RATE_HZ)
    count = 0
    try:
        for samples in mixdown.mix(frames(io.BufferedReader(_Upload(0), READ_BYTES))):
            count += len(samples) // 2
            if count > limit_samples:
                _end(EXIT_TOO_LONG, f"The audio is longer than the limit of {_shown(limit_samples)}.")
            sys.stdout.buffer.write(samples)
        sys.stdout.buffer.flush()
    except FaultyFileError as fault:
        _end(EXIT_BAD, str(fault))
    if count == 0:
        _end(EXIT_BAD, "The file holds no sound.")


def _shown(samples: int) -> str:
    return f"{samples / SAMPLE_RATE_HZ:g} s"


class _Upload(io.RawIOBase):
    """An open file, read from its start: other processes that have it open too share its position."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        read = os.pread(self._descriptor, len(view), self._at)
        view[: len(read)] = read
        self._at += len(read)
        return len(read)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at


def _end(status: int, message: str) -> NoReturn:
    sys.stdout.buffer.flush()
    sys.stderr.write(message + "\n")
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
