"""Bring speech to one level, without pumping.

The recogniser's acoustic models expect the level of their training. The gain is chosen from the loudest 20
ms of recent speech and holds for the utterance; it only gives way when something louder comes, so it never
clips.
"""

from __future__ import annotations

import math
from array import array
from operator import mul

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ

FRAME_SAMPLES = SAMPLE_RATE_HZ // 50
TARGET = 4000.0
"""Wanted root mean square of the loudest 20 ms; about -18 dBFS leaves room for peaks."""
MAX_GAIN = 16.0
"""Keeps the noise of a silent room from being raised to the level of speech."""
FULL_SCALE = 32_000
FORGET = 0.7
"""What of a level remains for the next utterance, so that one cough does not last."""
RISE = 3.0
"""Frames this many times louder than the quietest count as speech."""
HOLD_SPEECH_FRAMES = 15
HOLD_FRAMES = 75
"""The first utterance is held back until 0.3 s of it stand out, at most 1.5 s, to learn its level."""


class Loudness:
    """`push` gives levelled audio for audio, `finish` what was held back; both s16le."""

    def __init__(self) -> None:
        self.level = 0.0
        """Loudest frame of this utterance, or what the ones before suggest; 0 while unknown."""
        self._loudest = 0.0
        self._quietest = math.inf
        self._rest = array("h")
        self._held: list[array[int]] = []
        self._is_holding = True
        self._speech_frames = 0

    def push(self, pcm: bytes) -> bytes:
        self._rest.frombytes(pcm)
        whole = len(self._rest) // FRAME_SAMPLES * FRAME_SAMPLES
        frames = [self._rest[at : at + FRAME_SAMPLES] for at in range(0, whole, FRAME_SAMPLES)]
        self._rest = self._rest[whole:]
        return b"".join([self._frame(frame) for frame in frames])

    def finish(self) -> bytes:
        """The rest of the utterance; the next `push` begins another."""
        rest = self._release() + (_amplify(self._rest, self._gain()) if self._rest else b"")
        self.level = max(self._loudest, FORGET * self.level)
        self.reset()
        return rest

    def reset(self) -> None:
        """Drop the utterance, keep the level."""
        self._loudest, self._quietest, self._speech_frames = 0.0, math.inf, 0
        self._rest, self._held = array("h"), []
        self._is_holding = self.level == 0.0

    def _frame(self, frame: array[int]) -> bytes:
        loud = math.sqrt(sum(map(mul, frame, frame)) / len(frame))
        self._loudest = max(self._loudest, loud)
        self._quietest = min(self._quietest, max(loud, 1.0))
        if not self._is_holding:
            return _amplify(frame, self._gain())
        self._held.append(frame)
        self._speech_frames += loud > RISE * self._quietest
        is_known = self._speech_frames >= HOLD_SPEECH_FRAMES or len(self._held) >= HOLD_FRAMES
        return self._release() if is_known else b""

    def _release(self) -> bytes:
        self._is_holding = False
        held, self._held = self._held, []
        return b"".join([_amplify(frame, self._gain()) for frame in held])

    def _gain(self) -> float:
        return min(MAX_GAIN, TARGET / max(self.level, self._loudest, 1.0))


def _amplify(samples: array[int], gain: float) -> bytes:
    peak = max(max(samples), -min(samples))
    gain = min(gain, FULL_SCALE / max(peak, 1))
    return array("h", [int(sample * gain) for sample in samples]).tobytes()
