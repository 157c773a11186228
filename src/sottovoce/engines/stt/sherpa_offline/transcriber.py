"""The recogniser for models that hear a whole segment at a time: Whisper, Parakeet, Moonshine, SenseVoice.

The model lives in a process of its own (`worker`), which hears one segment after another.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sottovoce.config import EngineSettings
from sottovoce.engines.stt.base import BYTES_PER_SECOND, InterimListener, SegmentListener
from sottovoce.engines.stt.segmenting import Part, Segmenter
from sottovoce.engines.stt.sherpa_offline.lanes import Lanes
from sottovoce.engines.stt.sherpa_offline.pace import LONGEST_PATIENCE, PATIENCE, TRIAL, Pace
from sottovoce.engines.stt.sherpa_offline.process import OfflineProcess
from sottovoce.engines.stt.sherpa_offline.stream import OfflineStream
from sottovoce.engines.stt.sherpa_offline.wire import Heard, Loaded, Task
from sottovoce.engines.stt.sherpa_offline.worker import WorkerOptions
from sottovoce.engines.stt.vad import VoiceDetector, silero
from sottovoce.errors import EngineCrashed, EngineError, EngineUnavailable, LimitExceededError
from sottovoce.models.installed import InstalledModel
from sottovoce.models.processor import physical_cores

MAX_STREAMS = 16
"""Each holds up to a minute of audio and a detector: 3 MB."""
MAX_THREADS = 4
"""Half of the cores, but no more: the second makes a segment of 28 s a third quicker and one of 3 s not at
all, and speech and answers are made at the same time."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OfflineOptions:
    worker: WorkerOptions
    max_streams: int = MAX_STREAMS
    patience: float = PATIENCE
    detector: Callable[[], VoiceDetector] = field(default=silero)


class OfflineTranscriber:
    """A `Transcriber`."""

    def __init__(self, options: OfflineOptions) -> None:
        self.fault: str | None = None
        self._options = options
        self._entry = options.worker.model.entry
        self._process: OfflineProcess | None = None
        self._loaded = Loaded(languages=self._entry.languages)
        self._starting = asyncio.Lock()
        self._lanes = Lanes()
        self._streams: dict[OfflineStream, bool] = {}
        self._work: set[asyncio.Task[Heard]] = set()
        self._is_warm = False
        self._load_seconds = 0.0
        self._pace = Pace(self.model, options.patience)

    @classmethod
    def of(cls, model: InstalledModel, settings: EngineSettings) -> OfflineTranscriber:
        threads = settings.threads or min(MAX_THREADS, max(1, physical_cores() // 2))
        worker = WorkerOptions(model=model, threads=threads, provider=settings.provider)
        return cls(OfflineOptions(worker))

    @property
    def model(self) -> str:
        return self._entry.id

    @property
    def languages(self) -> Sequence[str]:
        return self._loaded.languages or self._entry.languages

    @property
    def can_translate(self) -> bool:
        return self._loaded.can_translate

    @property
    def heeds_language(self) -> bool:
        return self._loaded.heeds_language

    @property
    def has_word_times(self) -> bool:
        return self._loaded.has_word_times

    @property
    def has_probabilities(self) -> bool:
        return self._loaded.has_probabilities

    @property
    def condition(self) -> Mapping[str, float]:
        return {
            "streams": len(self._streams),
            "waiting": self._lanes.waiting,
            "real_time_factor": round(self._pace.speed, 4),
            "load_seconds": round(self._load_seconds, 3),
        }

    @property
    def pid(self) -> int | None:
        """The process that has the model."""
        return self._process.pid if self._process is not None and self._process.is_alive else None

    async def start(self) -> None:
        begun = time.monotonic()
        await self._ready()
        self._load_seconds = time.monotonic() - begun
        logger.info("%s was loaded in %.1f s", self.model, self._load_seconds)

    async def warm(self) -> None:
        noise = os.urandom(round(TRIAL * BYTES_PER_SECOND))
        for _ in range(2):  # once to allocate, once to measure
            heard = await (await self._ready()).hear(Task(), noise, LONGEST_PATIENCE)
        self._pace.speed = heard.took / TRIAL
        self._is_warm = True
        logger.info("%s takes %.3f s for a second of speech", self.model, self._pace.speed)

    async def open_stream(
        self,
        on_interim: InterimListener | None = None,
        on_segment: SegmentListener | None = None,
        *,
        is_live: bool = True,
        language: str = "",
        should_translate: bool = False,
    ) -> OfflineStream:
        self._admit(is_live)
        task = Task(language=language, should_translate=should_translate, wants_phrases=not is_live)
        stream = OfflineStream(
            Segmenter(self._options.detector()),
            partial(self._hear, task, is_live),
            on_interim=on_interim,
            on_segment=on_segment,
            on_close=lambda: self._forget(stream),
        )
        self._streams[stream] = is_live
        return stream

    async def aclose(self) -> None:
        for stream in list(self._streams):
            await stream.aclose()
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        process, self._process = self._process, None
        if process is not None:
            await process.aclose()

    def _forget(self, stream: OfflineStream) -> None:
        self._streams.pop(stream, None)

    def _admit(self, is_live: bool) -> None:
        if not self._is_warm:
            raise EngineUnavailable("The recogniser is not loaded.", engine="stt")
        if len(self._streams) >= self._options.max_streams:
            raise LimitExceededError(
                f"All {self._options.max_streams} streams of the recogniser are in use; "
                "try again in a moment."
            )
        if is_live:
            speakers = (stream for stream, is_live in self._streams.items() if is_live and stream.is_hearing)
            self._pace.admit(len(list(speakers)))

    async def _hear(self, task: Task, is_live: bool, part: Part) -> Heard:
        """One segment, in its turn. What has begun is heard to its end, even if nobody waits for it."""
        with self._pace.waiting(part.duration if is_live else 0.0):
            await self._lanes.acquire(is_live=is_live)
            work = asyncio.create_task(self._decode(task, part), name="recogniser")
            self._work.add(work)
            work.add_done_callback(self._done)
            return await asyncio.shield(work)

    def _done(self, work: asyncio.Task[Heard]) -> None:
        self._work.discard(work)
        self._lanes.release()
        if not work.cancelled():
            work.exception()  # whoever waits has it, too

    async def _decode(self, task: Task, part: Part) -> Heard:
        """A process that dies over it is replaced once; that is all that its death costs anybody."""
        try:
            heard = await self._tried(task, part)
        except EngineCrashed as error:
            logger.warning("%s", error.message)
            heard = await self._tried(task, part)
        self._pace.learn(heard.took, part.duration)
        return heard

    async def _tried(self, task: Task, part: Part) -> Heard:
        return await (await self._ready()).hear(task, part.pcm, self._pace.deadline(part.duration))

    async def _ready(self) -> OfflineProcess:
        """The process, started anew if it has died."""
        async with self._starting:
            if self._process is None or not self._process.is_alive:
                if self._process is not None:
                    await self._process.aclose()
                self._process, self._loaded = await self._started()
            return self._process

    async def _started(self) -> tuple[OfflineProcess, Loaded]:
        """One that dies is replaced, but a model that loads no more is the fault of the whole."""
        try:
            return await OfflineProcess.start(self._options.worker)
        except EngineError as error:
            if self._is_warm:
                self.fault = error.message
            raise
