"""Audio that came in and was not used up yet: counted, whole samples only, bounded."""

from __future__ import annotations

from collections.abc import Callable

from sottovoce.audio.frame import BYTES_PER_SAMPLE, AudioFrame
from sottovoce.errors import InvalidRequestError

INPUT_RATE_HZ = 24_000
MAX_BUFFERED = 60.0
"""Seconds of audio waiting for a commit or, where turns are found by the server, for real time to pass."""


class InputAudio:
    """Between manual commits the count only grows; otherwise it drains as `clock` (seconds) goes on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buffered = 0.0
        self._counted_at = clock()
        self._odd_byte = b""

    def append(self, pcm: bytes, *, is_manual: bool) -> AudioFrame | None:
        """The whole samples of `pcm`, None if there are none; half a sample waits for the next chunk.

        Raises `InvalidRequestError` when the buffer is full, and then takes nothing of `pcm`.
        """
        self._drain(is_manual=is_manual)
        duration = len(pcm) / (BYTES_PER_SAMPLE * INPUT_RATE_HZ)
        if self._buffered + duration > MAX_BUFFERED:
            raise InvalidRequestError(_overflow(is_manual=is_manual), code="input_audio_buffer_overflow")
        self._buffered += duration
        pcm = self._odd_byte + pcm
        whole = len(pcm) - len(pcm) % BYTES_PER_SAMPLE
        self._odd_byte = pcm[whole:]
        return AudioFrame(pcm[:whole], INPUT_RATE_HZ) if whole else None

    def use_up(self) -> float:
        """The audio so far was committed or cleared; returns how many seconds it was, about."""
        seconds, self._buffered, self._odd_byte = self._buffered, 0.0, b""
        return seconds

    def _drain(self, *, is_manual: bool) -> None:
        now = self._clock()
        if not is_manual:
            self._buffered = max(0.0, self._buffered - (now - self._counted_at))
        self._counted_at = now


def _overflow(*, is_manual: bool) -> str:
    cure = "commit or clear it" if is_manual else "send it no faster than it was spoken"
    return f"The input audio buffer holds {MAX_BUFFERED:.0f} s of audio, its limit: {cure}."
