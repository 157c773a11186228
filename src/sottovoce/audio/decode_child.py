"""The process that decodes one upload: a file on standard input, 16 kHz mono s16le on standard output.

python -m sottovoce.audio.decode_child DURATION CPU_TIME MEMORY_BYTES
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from sottovoce.audio.decode import EXIT_BAD, EXIT_TOO_LONG, SAMPLE_RATE_HZ
from sottovoce.lifeline import die_with_parent

CONTAINER_OPTIONS = {
    # without these lists an uploaded SDP or playlist opens sockets and other files
    "format_whitelist": "wav,w64,aiff,mp3,flac,ogg,mov,matroska,webm,aac,caf,au",
    "protocol_whitelist": "",
    "probesize": "1000000",
    "analyzeduration": "2000000",
}
FORMATS = "wav, aiff, mp3, flac, ogg, opus, m4a, mp4, webm, aac"


def main() -> None:
    duration, cpu_time, memory_bytes = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    die_with_parent()
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_time, cpu_time))
    if os.fstat(0).st_size == 0:
        _end(EXIT_BAD, "The file is empty.")
    try:
        _decode(int(duration * SAMPLE_RATE_HZ))
    except BrokenPipeError:
        os._exit(0)  # nobody wants the rest


def _decode(limit_samples: int) -> None:
    import av

    av.logging.set_level(av.logging.PANIC)
    count = 0
    try:
        with av.open(sys.stdin.buffer, options=CONTAINER_OPTIONS) as container:
            for samples in _samples(container):
                count += len(samples) // 2
                if count > limit_samples:
                    _end(EXIT_TOO_LONG, f"The audio is longer than {limit_samples // SAMPLE_RATE_HZ} s.")
                sys.stdout.buffer.write(samples)
            sys.stdout.buffer.flush()
    except (av.error.FFmpegError, ValueError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        _end(EXIT_BAD, f"The file is no audio that can be decoded ({reason}). Send one of {FORMATS}.")
    if count == 0:
        _end(EXIT_BAD, "The file holds no sound.")


def _samples(container: Any) -> Iterator[bytes]:
    from av import AudioResampler

    if not container.streams.audio:
        raise ValueError("it has no audio track")
    stream = container.streams.audio[0]
    stream.thread_type = "NONE"
    resampler = AudioResampler("s16", "mono", SAMPLE_RATE_HZ)
    for frame in container.decode(stream):
        frame.pts = None  # gaps and jumps in a file's clock are no silence
        yield from (_bytes(done) for done in resampler.resample(frame))
    yield from (_bytes(done) for done in resampler.resample(None))


def _bytes(frame: Any) -> bytes:
    return bytes(frame.planes[0])[: frame.samples * 2]  # planes are padded


def _end(status: int, message: str) -> NoReturn:
    sys.stdout.buffer.flush()
    sys.stderr.write(message + "\n")
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
