"""Audio that came in and was not used up yet: decoded, counted, whole samples only, bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sottovoce.audio import g711
from sottovoce.audio.frame import BYTES_PER_SAMPLE, AudioFrame
from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.audio_config import G711Format, PcmFormat

MAX_BUFFERED: Final = 360.0
"""Seconds of audio waiting for a commit or, where turns are found by the server, for real time to pass.

Holds one append of the largest size that clients of OpenAI may send, 15 MiB.
"""


def decode(audio: bytes, form: PcmFormat | G711Format) -> AudioFrame:
    """Whole samples; half a one at the end is dropped."""
    if isinstance(form, G711Format):
        return AudioFrame(g711.expand(audio, LAWS[form.type]), g711.RATE_HZ)
    return AudioFrame(audio[: len(audio) - len(audio) % BYTES_PER_SAMPLE], form.rate)


LAWS: Final[dict[str, g711.Law]] = {"audio/pcmu": "ulaw", "audio/pcma": "alaw"}


class InputAudio:
    """Between manual commits the count only grows; otherwise it drains as `clock` (seconds) goes on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buffered = 0.0
        self._counted_at = clock()
        self._odd_byte = b""

    def append(self, audio: bytes, form: PcmFormat | G711Format, *, is_manual: bool) -> AudioFrame | None:
        """The whole samples of `audio`, None if there are none; half a PCM sample waits for the next chunk.

        Raises `InvalidRequestError` when the buffer is full, and then takes nothing of `audio`.
        """
        is_pcm = isinstance(form, PcmFormat)
        given = self._odd_byte + audio if is_pcm else audio
        frame = decode(given, form)
        self._drain(is_manual=is_manual)
        if self._buffered + frame.duration > MAX_BUFFERED:
            raise InvalidRequestError(_overflow(is_manual=is_manual), code="input_audio_buffer_overflow")
        self._buffered += frame.duration
        self._odd_byte = given[len(frame.samples) :] if is_pcm else b""
        return frame if frame.samples else None

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
