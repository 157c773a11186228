"""Cut speech into segments for recognisers that hear a whole one at a time.

A pause ends a segment, the shorter the longer it has grown; one that never pauses is cut where a voice was
least likely. Silence is left out. Segments keep their place in the audio, to the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from sottovoce.engines.stt.base import SAMPLE_RATE_HZ
from sottovoce.engines.stt.vad import FRAME, FRAME_BYTES, VoiceDetector

VOICE, NO_VOICE = 0.5, 0.35
"""Probabilities at which speech begins and a pause does; Silero's own."""
MIN_VOICE = 0.1
"""Seconds with a voice in them; less is a click or a cough, of which a recogniser would make a word."""
PADDING = 0.3
"""Seconds kept before the first voice and after the last, for soft consonants."""
PAUSES = ((0.0, 0.8), (8.0, 0.3), (15.0, 0.1))
"""Seconds after which a segment ends at a pause of so many. Short ones cost little more than their length in
sherpa-onnx, long ones more and more, and nobody reads along in one of half a minute."""
LONGEST = 28.0
"""Seconds at most: Whisper hears 30, and shall find silence at the end."""
EARLIEST_CUT = 14.0
CUT_WINDOW = 5
"""Frames over which the least likely voice is looked for: 160 ms, a pause between words."""


@dataclass(frozen=True, slots=True)
class Part:
    """Speech: 16 kHz mono s16le, `start` seconds into the utterance."""

    start: float
    pcm: bytes

    @property
    def duration(self) -> float:
        return len(self.pcm) / 2 / SAMPLE_RATE_HZ


class Segmenter:
    """Holds what is in no part yet: less than half a minute."""

    def __init__(self, detect: VoiceDetector) -> None:
        self._detect = detect
        self._begin()

    @property
    def is_speaking(self) -> bool:
        return self._has_begun

    @property
    def kept_bytes(self) -> int:
        """What is in no part yet."""
        return len(self._audio) + len(self._rest)

    def push(self, pcm: bytes) -> list[Part]:
        """The parts that are complete with it."""
        self._rest += pcm
        parts: list[Part] = []
        while len(self._rest) >= FRAME_BYTES:
            frame = bytes(self._rest[:FRAME_BYTES])
            del self._rest[:FRAME_BYTES]
            if (part := self._hear(frame)) is not None:
                parts.append(part)
        return parts

    def finish(self) -> Part | None:
        """The last part, if there is speech in it; the next audio is another utterance."""
        self._audio += self._rest
        part = self._part(len(self._voices))
        self.reset()
        return part

    def reset(self) -> None:
        self._detect.reset()
        self._begin()

    def _begin(self) -> None:
        self._rest = bytearray()
        self._audio = bytearray()
        self._start_bytes = 0
        """Where `_audio` begins in the utterance."""
        self._voices: list[float] = []
        """How likely a voice is, for every whole frame of `_audio`."""
        self._has_begun = False
        self._pause_frames = 0

    def _hear(self, frame: bytes) -> Part | None:
        voice = self._detect(frame)
        self._audio += frame
        self._voices.append(voice)
        if not self._has_begun:
            self._wait(voice)
            return None
        self._pause_frames = self._pause_frames + 1 if self._is_pause(voice) else 0
        if self._pause_frames * FRAME >= _pause(len(self._voices) * FRAME):
            return self._end()
        return self._cut() if len(self._voices) * FRAME >= LONGEST else None

    def _wait(self, voice: float) -> None:
        self._has_begun = voice >= VOICE
        if not self._has_begun:
            self._forget(len(self._voices) - _frames(PADDING))

    def _is_pause(self, voice: float) -> bool:
        """What is neither clear nor unlikely goes on as it was."""
        return voice < NO_VOICE or (voice < VOICE and self._pause_frames > 0)

    def _end(self) -> Part | None:
        """The part before the pause; what is left of the pause stands before the next."""
        part = self._part(len(self._voices))
        self._forget(max(self._kept(len(self._voices)), len(self._voices) - _frames(PADDING)))
        self._has_begun, self._pause_frames = False, 0
        return part

    def _cut(self) -> Part | None:
        """The part before the least likely voice; speech goes on behind it."""
        first, last = _frames(EARLIEST_CUT), len(self._voices) - CUT_WINDOW
        sums = {at: sum(self._voices[at : at + CUT_WINDOW]) for at in range(first, last + 1)}
        quietest = min(reversed(sums), key=sums.__getitem__)
        at = quietest + CUT_WINDOW // 2
        part = self._part(at, is_cut=True)
        self._forget(at)
        self._pause_frames = 0
        return part

    def _part(self, frames: int, *, is_cut: bool = False) -> Part | None:
        """What was said in the first `frames`."""
        if sum(voice >= VOICE for voice in self._voices[:frames]) * FRAME < MIN_VOICE:
            return None
        end = frames if is_cut else self._kept(frames)
        is_rest_in = end == len(self._voices)
        pcm = bytes(self._audio if is_rest_in else self._audio[: end * FRAME_BYTES])
        return Part(self._start_bytes / 2 / SAMPLE_RATE_HZ, pcm)

    def _kept(self, frames: int) -> int:
        """How many of them are not the silence at the end."""
        return min(frames, frames - self._pause_frames + _frames(PADDING))

    def _forget(self, frames: int) -> None:
        if frames > 0:
            del self._audio[: frames * FRAME_BYTES]
            del self._voices[:frames]
            self._start_bytes += frames * FRAME_BYTES


def _pause(heard: float) -> float:
    """Seconds of pause that end a segment of `heard` seconds."""
    return min(pause for after, pause in PAUSES if heard >= after)


def _frames(seconds: float) -> int:
    return round(seconds / FRAME)
