"""The streaming recogniser: loads the model, opens streams, and watches over what decodes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sottovoce.config import EngineSettings
from sottovoce.engines.stt.base import InterimListener, SegmentListener
from sottovoce.engines.stt.sherpa_streaming import recogniser as recognisers
from sottovoce.engines.stt.sherpa_streaming.admission import Admission
from sottovoce.engines.stt.sherpa_streaming.files import NEMO
from sottovoce.engines.stt.sherpa_streaming.pace import Pace, measure
from sottovoce.engines.stt.sherpa_streaming.recogniser import Recogniser
from sottovoce.engines.stt.sherpa_streaming.scheduler import Scheduler
from sottovoce.engines.stt.sherpa_streaming.stream import Listeners, SherpaStream
from sottovoce.errors import EngineTimeout, EngineUnavailable
from sottovoce.models.installed import InstalledModel
from sottovoce.models.processor import physical_cores

DECODE_DEADLINE = 10.0
"""Seconds for one chunk, which takes a fraction of one. A thread that is past it will not come back, and only
a new process helps."""
BATCHES = {"cpu": 4, "cuda": 8}
"""Streams that are decoded together at most, when they have to wait anyway. Four take a quarter less of a
processor than one after the other, and hardly less than two (bench/stt_scheduling.py)."""
JOIN_PATIENCE = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """`languages` are those that the model can be told, none where it knows by itself. `threads` None for
    what the settings or the machine say."""

    recogniser: Recogniser
    languages: Sequence[str] = ()
    batch: int = 1
    threads: int | None = None


Load: TypeAlias = Callable[[], Loaded]


@dataclass(frozen=True, slots=True)
class _Running:
    """What there is once the model is warm."""

    scheduler: Scheduler
    pace: Pace
    admission: Admission


class SherpaStreamingTranscriber:
    """A `Transcriber`. `load` is what brings the model, in a thread; for a test another one."""

    can_translate = False
    has_word_times = has_probabilities = True

    def __init__(
        self,
        model: InstalledModel,
        settings: EngineSettings,
        load: Load | None = None,
        *,
        decode_deadline: float = DECODE_DEADLINE,
    ) -> None:
        self.model = model.id
        self.languages: Sequence[str] = model.entry.languages
        self.heeds_language = model.entry.family == NEMO or len(model.entry.languages) <= 1
        """Bilingual zipformers hear both of theirs."""
        self.fault: str | None = None
        self._threads = settings.threads or physical_cores()
        self._load = load or (lambda: _load(model, settings))
        self._decode_deadline = decode_deadline
        self._loaded: Loaded | None = None
        self._running: _Running | None = None
        self._streams: set[SherpaStream] = set()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        begun = time.monotonic()
        self._loaded = await asyncio.to_thread(self._load)
        self.languages = _served(self.languages, self._loaded.languages)
        self._threads = self._loaded.threads or self._threads
        logger.info("%s was loaded in %.1f s", self.model, time.monotonic() - begun)

    async def warm(self) -> None:
        assert self._loaded is not None, "not started"
        pace = await asyncio.to_thread(measure, self._loaded.recogniser)
        admission = Admission.at(pace, self._threads)
        scheduler = Scheduler(self._loaded.recogniser, self._threads, self._loaded.batch)
        self._running = _Running(scheduler, pace, admission)
        self._watching = asyncio.create_task(self._watch(), name="recogniser's watch")
        logger.info(
            "%s: chunks of %.0f ms take %.0f ms (%.2f of a core); %d threads hear %d people at a time",
            *(self.model, pace.chunk * 1000, pace.decoding * 1000, pace.real_time_factor),
            *(self._threads, admission.capacity),
        )

    @property
    def condition(self) -> Mapping[str, float]:
        if self._running is None:
            return {}
        pace, admission = self._running.pace, self._running.admission
        first = [stream.first_chunk for stream in self._streams if stream.first_chunk is not None]
        return {
            "streams": len(self._streams),
            "hearing": self._hearing,
            "capacity": admission.capacity,
            "threads": self._threads,
            "lag": round(self._running.scheduler.lag, 4),
            "first_chunk": round(max(first, default=0.0), 4),
            "chunk": pace.chunk,
            "look_ahead": round(pace.first - pace.chunk, 3),
            "real_time_factor": round(pace.real_time_factor, 4),
        }

    async def open_stream(
        self,
        on_interim: InterimListener | None = None,
        on_segment: SegmentListener | None = None,
        *,
        is_live: bool = True,
        language: str = "",
        should_translate: bool = False,
    ) -> SherpaStream:
        running = self._check()
        running.admission.check(len(self._streams), self._hearing, running.scheduler.lag, is_live=is_live)
        assert self._loaded is not None
        stream = SherpaStream(
            self._loaded.recogniser,
            running.scheduler,
            running.pace,
            Listeners(on_interim, on_segment, lambda: self._streams.discard(stream)),
            lane="live" if is_live else "file",
            language=language,
        )
        self._streams.add(stream)
        return stream

    async def aclose(self) -> None:
        for stream in list(self._streams):
            await stream.aclose()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        running, self._running = self._running, None
        if running is not None:
            running.scheduler.stop()
            await asyncio.to_thread(running.scheduler.join, JOIN_PATIENCE)

    @property
    def _hearing(self) -> int:
        return sum(stream.is_hearing for stream in self._streams if stream.lane == "live")

    def _check(self) -> _Running:
        if self.fault is not None:
            raise EngineUnavailable(f"{self.fault} It is being restarted.", engine="stt")
        if self._running is None:
            raise EngineUnavailable("The recogniser is not loaded.", engine="stt")
        return self._running

    async def _watch(self) -> None:
        """Find a decode that hangs; a thread in native code cannot be ended, only its process."""
        while self.fault is None:
            await asyncio.sleep(self._decode_deadline / 4)
            if self._is_hanging():
                self._give_up()

    def _is_hanging(self) -> bool:
        assert self._running is not None
        latest = time.monotonic() - self._decode_deadline
        turns = self._running.scheduler.running()
        return any(turn.started is not None and turn.started < latest for turn in turns)

    def _give_up(self) -> None:
        self.fault = f"The recogniser hung: a chunk was not decoded in {self._decode_deadline:g} s."
        logger.error("%s", self.fault)
        for stream in list(self._streams):
            stream.fail(EngineTimeout(self.fault, engine="stt"))


def _served(listed: Sequence[str], told: Sequence[str]) -> Sequence[str]:
    """Of the languages in a model's description those that it can be told, if it has to be told any."""
    return [tag for tag in listed if tag in told] or told or listed


def _load(model: InstalledModel, settings: EngineSettings) -> Loaded:
    loaded, files, provider = recognisers.load(model, settings)
    threads = 1 if provider == "cuda" else None  # there is one card, which works best in large batches
    return Loaded(loaded, files.languages, BATCHES[provider], threads)
