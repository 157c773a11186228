"""Stretches of speech on their way to a recogniser, whichever way that is."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Protocol

from sottovoce.conversation.engines import Used

SAMPLE_RATE_HZ = 16_000
MAX_SEGMENT = 60.0
"""Seconds of one segment that are kept and sent; who speaks on begins another."""
MAX_SEGMENT_BYTES = int(MAX_SEGMENT * SAMPLE_RATE_HZ * 2)


@dataclass(eq=False)
class Segment:
    """One stretch of speech; `text` is resolved with its transcript, "" where there were no words."""

    text: asyncio.Future[str]
    audio: bytearray = field(default_factory=bytearray)
    is_finished: bool = False
    interim: str = ""
    begun: float = field(default_factory=time.monotonic)
    deadline: float | None = None
    """Seconds from its end to its transcript; None for the recognition's own default."""
    used: Used | None = None
    """The recogniser that transcribed it."""

    @property
    def duration(self) -> float:
        """Seconds of audio."""
        return len(self.audio) / (SAMPLE_RATE_HZ * 2)

    @property
    def age(self) -> float:
        """Seconds since it was begun; less than `duration` where it came faster than real time."""
        return time.monotonic() - self.begun


@dataclass(frozen=True, slots=True)
class Hints:
    """What helps a recogniser: the language, "" to have it guess, and words that may occur."""

    language: str = ""
    prompt: str = ""


class Recognition(Protocol):
    """One user's ear. All calls return at once; `text` of a finished segment is resolved in time, or fails
    with an `EngineError`."""

    def take(self, hints: Hints) -> None:
        """Mind these from the next segment on."""

    def begin(self) -> Segment: ...

    def append(self, segment: Segment, pcm: bytes) -> None:
        """Hear more of it: 16 kHz mono s16le."""

    def finish(self, segment: Segment) -> None:
        """No more of it will come: transcribe what there is."""

    async def aclose(self) -> None: ...


class Ear(Recognition, Protocol):
    """That of one recogniser."""

    @property
    def deadline(self) -> float:
        """Seconds to the transcript of a segment that has no deadline of its own."""
