"""Sound in the formats that the API sends, as players read it."""

from __future__ import annotations

import io

import av

CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
PCM_BYTES_PER_SECOND = 48_000


def seconds_of(sound: bytes, form: str) -> float:
    """Decoded by FFmpeg; the container has to say itself what it is."""
    if form == "pcm":
        return len(sound) / PCM_BYTES_PER_SECOND
    with av.open(io.BytesIO(sound)) as container:
        frames = list(container.decode(audio=0))
    return sum(frame.samples / frame.sample_rate for frame in frames)
