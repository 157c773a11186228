"""Find where speech starts and stops in a stream, for clients that leave this to the server.

WebRTC's voice activity detector, as pocketsphinx carries it, takes steady noise for speech. So a frame must
also stand out from the noise around it, and speech must have begun with a voice (`voicing`).
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from dataclasses import dataclass
from operator import mul
from typing import TypeAlias

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ
from sottovoce.engines.stt.voicing import Voicing

FRAME_MS = 20
FRAME_BYTES = SAMPLE_RATE_HZ * FRAME_MS // 1000 * 2
START_WINDOW_MS = 200
START_MS = 100
"""Speech starts when half of the last 200 ms is speech, with a voice in it."""
MIN_VOICED = 0.04
ABOVE_NOISE = 2.5
"""Times the noise's level that a frame of speech has at least (8 dB)."""
MIN_LEVEL = 60.0
"""Root mean square below which nothing is speech, -55 dBFS."""
NOISE_RISE = 1.02
"""Growth of the noise estimate with each frame: doubles in 0.7 s, so that a fan switched on is noise
soon."""


@dataclass(frozen=True, slots=True)
class EndpointingOptions:
    """`threshold` from 0 (everything is speech) to 1."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    audio_ms: int
    """Where the utterance starts in all audio heard, the padding counted in."""


@dataclass(frozen=True, slots=True)
class Speech:
    pcm: bytes


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    audio_ms: int


Happening: TypeAlias = SpeechStarted | Speech | SpeechStopped


class Endpointer:
    """Turns 16 kHz mono s16le into what happens in it. Silence between utterances is swallowed."""

    def __init__(self, options: EndpointingOptions) -> None:
        from pocketsphinx import Vad

        self._options = options
        mode = min(Vad.STRICT, int(options.threshold * (Vad.STRICT + 1)))
        self._vad = Vad(mode, SAMPLE_RATE_HZ, FRAME_MS / 1000)
        self._rest = b""
        self._heard_ms = 0
        self._noise = MIN_LEVEL
        self._voicing = Voicing()
        self._recent: deque[bool] = deque(maxlen=START_WINDOW_MS // FRAME_MS)
        padding_ms = options.prefix_padding_ms + START_WINDOW_MS
        self._padding: deque[bytes] = deque(maxlen=padding_ms // FRAME_MS)
        self._silence_ms: int | None = None

    @property
    def is_speaking(self) -> bool:
        return self._silence_ms is not None

    def push(self, pcm: bytes) -> list[Happening]:
        data = self._rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        return [
            event for at in range(0, whole, FRAME_BYTES) for event in self._frame(data[at : at + FRAME_BYTES])
        ]

    def reset(self) -> None:
        """Forget the utterance begun and what stands before it."""
        self._silence_ms = None
        self._recent.clear()
        self._padding.clear()
        self._voicing.reset()

    def _frame(self, frame: bytes) -> list[Happening]:
        self._heard_ms += FRAME_MS
        is_speech = self._stands_out(frame) and bool(self._vad.is_speech(frame))
        return self._during(frame, is_speech) if self.is_speaking else self._before(frame, is_speech)

    def _before(self, frame: bytes, is_speech: bool) -> list[Happening]:
        self._padding.append(frame)
        self._recent.append(is_speech)
        if not any(self._recent):
            self._voicing.reset()
            return []
        self._voicing.push(frame)
        if sum(self._recent) * FRAME_MS < START_MS or self._voicing.voiced < MIN_VOICED:
            return []
        begun = b"".join(self._padding)
        started = SpeechStarted(self._heard_ms - len(self._padding) * FRAME_MS)
        self.reset()
        self._silence_ms = 0
        return [started, Speech(begun)]

    def _during(self, frame: bytes, is_speech: bool) -> list[Happening]:
        assert self._silence_ms is not None
        self._silence_ms = 0 if is_speech else self._silence_ms + FRAME_MS
        if self._silence_ms < self._options.silence_duration_ms:
            return [Speech(frame)]
        self.reset()
        return [Speech(frame), SpeechStopped(self._heard_ms)]

    def _stands_out(self, frame: bytes) -> bool:
        samples = array("h", frame)
        level = math.sqrt(sum(map(mul, samples, samples)) / len(samples))
        self._noise = max(MIN_LEVEL / ABOVE_NOISE, min(level, self._noise * NOISE_RISE))
        return level > max(MIN_LEVEL, ABOVE_NOISE * self._noise)
