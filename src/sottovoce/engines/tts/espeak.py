"""espeak-ng as a synthesiser: one thread owns the library and speaks one clause at a time.

espeak-ng makes speech hundreds of times faster than it plays, so a clause is the unit of everything: of
fairness (the thread takes the clauses of all speakers in turn), of look-ahead (the next one is asked for when
the frames of the last were taken, which bounds memory) and of pausing. A stop is felt within one callback,
some 60 ms of speech or about 0.1 ms of work.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from sottovoce.audio.frame import BYTES_PER_SAMPLE, AudioFrame
from sottovoce.audio.stretch import stretch
from sottovoce.engines.tts.base import QUIET_TEXT_PAUSE, Voice
from sottovoce.engines.tts.clauses import split_clauses
from sottovoce.engines.tts.libespeak import EspeakLibrary, LibraryError
from sottovoce.engines.tts.normalise import normalise
from sottovoce.engines.tts.voices import DEFAULT_VOICE, EspeakVoice, EspeakVoices
from sottovoce.errors import EngineCrashed, EngineTimeout, EngineUnavailable

USUAL_WORDS_PER_MINUTE = 175
"""The pace at speed 1."""

SLOWEST_SPEED = 0.5
"""What is slower is spoken at this speed and then stretched: espeak-ng itself ends at 80 words a minute."""

CLAUSE_DEADLINE = 5.0
"""Seconds for the next samples of a clause, queueing behind other speakers' clauses included."""

MAX_STREAMS = 32
"""Speeches at one time: bounds the audio in memory, a clause each, and the wait for one's turn."""

_Sink = Callable[[bytes | Exception | None], None]


@dataclass(slots=True)
class _Job:
    """One clause for the thread: samples, then None or what went wrong, go to `sink` until `is_stopped`."""

    text: str
    voice: EspeakVoice
    words_per_minute: int
    sink: _Sink
    is_stopped: bool = False


@dataclass(slots=True)
class _Output:
    """Samples on their way from the thread to the loop that waits for them."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    items: asyncio.Queue[bytes | Exception | None] = field(default_factory=asyncio.Queue)

    def put(self, item: bytes | Exception | None) -> None:
        """From the thread. Raises RuntimeError once the loop is closed."""
        self.loop.call_soon_threadsafe(self.items.put_nowait, item)

    async def get(self) -> bytes | Exception | None:
        """The next samples, all that are there in one; None at the end, or what went wrong."""
        item = await self.items.get()
        if not isinstance(item, bytes):
            return item
        samples = [item]
        while not self.items.empty():
            if not isinstance(more := self.items.get_nowait(), bytes):
                self.items.put_nowait(more)  # the last one, so the order stands
                break
            samples.append(more)
        return b"".join(samples)


class EspeakSynthesizer:
    """A `Synthesizer`; `load` first."""

    model = "espeak-ng"

    def __init__(self, library: Callable[[], EspeakLibrary] = EspeakLibrary) -> None:
        self._open = library
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._voices = EspeakVoices({}, frozenset())
        self._sample_rate = 0
        self._fault: str | None = None

    async def load(self) -> None:
        """Start the thread, open the library and warm it up. Raises `EngineUnavailable`."""
        output = _Output()
        threading.Thread(target=self._run, args=(output,), name="espeak-ng", daemon=True).start()
        item = await output.get()
        if isinstance(item, Exception):
            raise EngineUnavailable(str(item), engine="tts") from item

    async def warm(self) -> None:
        async for _ in self.synthesize("Ready.", DEFAULT_VOICE, 1.0):
            pass  # the first speech reads the dictionary, which takes 20 ms

    @property
    def max_streams(self) -> int:
        return MAX_STREAMS

    @property
    def condition(self) -> Mapping[str, float]:
        return {}

    @property
    def voices(self) -> tuple[Voice, ...]:
        return self._voices.listed

    @property
    def fault(self) -> str | None:
        return self._fault

    def check_voice(self, voice: str) -> None:
        self._voices.find(voice)

    async def synthesize(
        self, text: str, voice: str, speed: float, lead: float = 0.0
    ) -> AsyncGenerator[AudioFrame]:
        """`lead` makes no difference: it begins within a millisecond."""
        spoken = self._spoken(text, self._voices.find(voice), max(speed, SLOWEST_SPEED))
        frames = spoken if speed >= SLOWEST_SPEED else stretch(spoken, speed / SLOWEST_SPEED)
        async with aclosing(frames):
            async for frame in frames:
                yield frame

    async def _spoken(self, text: str, chosen: EspeakVoice, speed: float) -> AsyncGenerator[AudioFrame]:
        clauses = list(split_clauses(normalise(text, chosen.language)))
        if not clauses:
            yield self._silence(QUIET_TEXT_PAUSE)
        for clause in clauses:
            async with aclosing(self._speak(clause.text, chosen, speed)) as spoken:
                async for samples in spoken:
                    yield AudioFrame(samples, self._sample_rate)
            if clause.pause:
                yield self._silence(clause.pause / speed)

    async def aclose(self) -> None:
        self._jobs.put(None)

    async def _speak(self, text: str, voice: EspeakVoice, speed: float) -> AsyncGenerator[bytes]:
        output = _Output()
        job = _Job(text, voice, round(USUAL_WORDS_PER_MINUTE * speed), output.put)
        self._jobs.put(job)
        try:
            while (item := await self._next(output)) is not None:
                yield item
        finally:
            job.is_stopped = True

    async def _next(self, output: _Output) -> bytes | None:
        try:
            async with asyncio.timeout(CLAUSE_DEADLINE):
                item = await output.get()
        except TimeoutError:
            self._fault = f"espeak-ng gave no sound within {CLAUSE_DEADLINE:.0f} s"
            raise EngineTimeout(self._fault, engine="tts") from None
        if isinstance(item, Exception):
            raise EngineCrashed(f"espeak-ng failed: {item}", engine="tts") from item
        return item

    def _silence(self, duration: float) -> AudioFrame:
        return AudioFrame(bytes(BYTES_PER_SAMPLE * round(duration * self._sample_rate)), self._sample_rate)

    def _run(self, loaded: _Output) -> None:
        try:
            library = self._open()
            self._sample_rate = library.sample_rate
            self._voices = EspeakVoices(library.languages(), library.variants())
        except LibraryError as error:
            loaded.put(error)
            return
        loaded.put(None)
        while (job := self._jobs.get()) is not None:
            if not job.is_stopped:
                _speak_job(library, job)


def _speak_job(library: EspeakLibrary, job: _Job) -> None:
    def receive(samples: bytes) -> bool:
        job.sink(samples)
        return not job.is_stopped

    try:
        voice = job.voice
        library.speak(job.text, voice.name, job.words_per_minute, voice.pitch, receive)
        job.sink(None)
    except LibraryError as error:
        job.sink(error)
    except RuntimeError:
        return  # the loop that waited is closed
