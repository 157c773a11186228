"""A recogniser that hears a word in every chunk that is not silent, when a test lets it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sottovoce.engines.stt.base import BYTES_PER_SECOND
from sottovoce.engines.stt.sherpa_streaming.pace import Pace
from sottovoce.engines.stt.token_words import Tokens
from sottovoce.errors import EngineError

CHUNK_BYTES = BYTES_PER_SECOND // 10
LOOK_AHEAD_BYTES = BYTES_PER_SECOND // 20
PACE = Pace(CHUNK_BYTES + LOOK_AHEAD_BYTES, CHUNK_BYTES, 0.01)
"""Chunks of 100 ms, 50 ms later."""
SOUND, SILENCE = b"\x01\x02" * (CHUNK_BYTES // 2), bytes(CHUNK_BYTES)
PATIENCE = 10.0
"""Seconds that a test's thread waits to be let go, so that a failing test ends too."""


@dataclass(eq=False)
class FakeHearing:
    """Words are called after the `name` and their place in the utterance."""

    name: str
    language: str
    heard: bytearray = field(default_factory=bytearray)
    chunks: int = 0
    cut_at: int = 0
    words: list[tuple[str, float]] = field(default_factory=list)


@dataclass
class FakeRecogniser:
    """`failures` are raised by the decodes to come (None: they work). While `gate` is closed nothing is
    decoded; `log` says what was, chunk by chunk, and `batches` how many at once."""

    failures: list[Exception | None] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    log: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    hearings: list[FakeHearing] = field(default_factory=list)
    on_decode: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.gate.set()

    def begin(self, language: str) -> FakeHearing:
        hearing = FakeHearing(chr(ord("a") + len(self.hearings)), language)
        self.hearings.append(hearing)
        return hearing

    def accept(self, hearing: FakeHearing, pcm: bytes) -> None:
        hearing.heard += pcm

    def is_ready(self, hearing: FakeHearing) -> bool:
        return len(hearing.heard) >= hearing.chunks * CHUNK_BYTES + CHUNK_BYTES + LOOK_AHEAD_BYTES

    def decode(self, hearings: Sequence[FakeHearing]) -> None:
        self.entered.release()
        if not self.gate.wait(PATIENCE):
            raise EngineError("the test forgot to open the gate", engine="stt")
        self.on_decode()
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        self.batches.append(len(hearings))
        for hearing in hearings:
            self._hear(hearing)

    def tokens(self, hearing: FakeHearing) -> Tokens:
        start = hearing.cut_at * CHUNK_BYTES / BYTES_PER_SECOND
        texts = [f" {word}" for word, _ in hearing.words]
        return Tokens(texts, [at - start for _, at in hearing.words], [-0.1] * len(texts), start)

    def cut(self, hearing: FakeHearing) -> None:
        hearing.words.clear()
        hearing.cut_at = hearing.chunks

    def _hear(self, hearing: FakeHearing) -> None:
        at = hearing.chunks * CHUNK_BYTES
        hearing.chunks += 1
        self.log.append(hearing.name)
        if any(hearing.heard[at : at + CHUNK_BYTES]):
            hearing.words.append((f"{hearing.name}{hearing.chunks}", at / BYTES_PER_SECOND))
