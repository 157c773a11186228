"""How much sound a file says that it has, to tell one that was cut off from one that ended.

Players play what is there. The transcript of half a recording, though, looks like that of a whole one.
Formats without such a number (mp3, ogg, adts) may end anywhere. Only used in the child that decodes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from io import BufferedReader

from av import AudioFrame, AudioStream
from av.container import InputContainer

COUNTED = frozenset({"flac", "aiff", "au"})
"""Containers whose header counts samples."""
INDEXED = frozenset({"mov,mp4,m4a,3gp,3g2,mj2"})
"""Theirs may leave out what an editor hid, so it is believed only where packets were broken as well."""
TIMED = frozenset({"matroska,webm"})
"""These give the length of the longest track, which is the sound's where there is no other."""
SLACK = 0.25
"""Seconds that may be missing: what codecs put before and after."""

_CHUNK = struct.Struct("<4sI")
MAX_CHUNKS = 64
"""Of a wav file that are looked at on the way to its samples."""
UNKNOWN_SIZE_BYTES = 0x7FFF_0000
"""From here on a size stands for "until the end", as in streams; so does 0."""
SLACK_BYTES = 512
"""Some programs count headers in."""


def missing_wav_bytes(file: BufferedReader) -> int:
    """How many of the samples' bytes that a wav file announces are not there; 0 for other files.

    FFmpeg takes the end of such a file for its end. Leaves `file` at its start.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        for name, begin, count in _chunks(file):
            if name == b"data":
                missing = begin + count - size
                return missing if missing > SLACK_BYTES and count < UNKNOWN_SIZE_BYTES else 0
        return 0
    finally:
        file.seek(0)


def _chunks(file: BufferedReader) -> Iterator[tuple[bytes, int, int]]:
    """Name, place of the content and its announced size, in bytes, of the chunks of a wav file."""
    file.seek(0)
    if file.read(4) != b"RIFF":
        return
    at = 12
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        if len(head := file.read(_CHUNK.size)) < _CHUNK.size:
            return
        name, count = _CHUNK.unpack(head)
        at += _CHUNK.size
        yield name, at, count
        at += count + count % 2


class Length:
    """Of a track, in seconds: what is `promised`, None where nothing is, and what was `heard` so far."""

    def __init__(self, container: InputContainer, track: AudioStream) -> None:
        name = container.format.name
        self.promised: float | None = None
        self.heard = 0.0
        self._start = float((track.start_time or 0) * track.time_base) if track.time_base else 0.0
        self._needs_damage = name in INDEXED
        if name in COUNTED | INDEXED and track.duration and track.time_base:
            self.promised = float(track.duration * track.time_base)
        elif name in TIMED and len(container.streams) == 1 and container.duration:
            self.promised = container.duration / 1_000_000

    def hear(self, frame: AudioFrame) -> None:
        """Frames say where they belong, so that damage in the middle is no early end."""
        if not frame.sample_rate:
            return
        begin = self.heard if frame.time is None else max(self.heard, frame.time - self._start)
        self.heard = begin + frame.samples / frame.sample_rate

    def is_short(self, *, is_damaged: bool) -> bool:
        """Whether the sound that has come to its end ought to go on."""
        if self.promised is None or (self._needs_damage and not is_damaged):
            return False
        return self.promised - self.heard > SLACK
