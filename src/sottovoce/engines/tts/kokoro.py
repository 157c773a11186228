"""Kokoro as a synthesiser: text to phonemes here, phonemes to speech in sherpa-onnx, clause by clause.

A clause is the unit of everything: the model gives no sound before one is whole, cannot be stopped within it,
and takes the clauses of all speakers in turn. What a listener left is not begun any more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from sottovoce.audio.frame import BYTES_PER_SAMPLE, AudioFrame
from sottovoce.audio.stretch import stretch
from sottovoce.config import EngineSettings
from sottovoce.engines.provider import choose_provider
from sottovoce.engines.tts.base import QUIET_TEXT_PAUSE, Voice
from sottovoce.engines.tts.clauses import split_clauses
from sottovoce.engines.tts.kokoro_files import examine
from sottovoce.engines.tts.kokoro_model import MAX_SPEED, MIN_SPEED, KokoroModel, Samples
from sottovoce.engines.tts.kokoro_voices import KokoroVoices, Speaker, speakers
from sottovoce.engines.tts.normalise import normalise
from sottovoce.engines.tts.pace import Pace, Speech
from sottovoce.engines.tts.phonemes.process import PhonemeProcess, PhonemesUnavailable
from sottovoce.engines.tts.phonemes.pronouncer import Pronouncer
from sottovoce.engines.tts.phrasing import (
    FIRST_SPEECH,
    LONGEST_SPEECH,
    Clause,
    next_clause,
    split_overlong,
)
from sottovoce.engines.tts.seams import trimmed
from sottovoce.engines.tts.speaking_line import LineClosed, SpeakingLine
from sottovoce.engines.tts.voices import DEFAULT_VOICE
from sottovoce.errors import EngineTimeout, EngineUnavailable
from sottovoce.models.installed import InstalledModel
from sottovoce.models.processor import physical_cores

logger = logging.getLogger(__name__)

MAX_THREADS = 4
"""For one clause; half the cores at most, for recogniser and language model need theirs, and threads that
wait for a core spin: on two busy cores two took half as long again as one (bench/tts_first_audio.py)."""

MAX_WORKERS = 4
"""Clauses made at once, each with its threads; bounds what the model's scratch memory grows to."""

CLAUSE_DEADLINE = 20.0
"""Seconds for the longest clause, which a machine that keeps up with speech makes in 6."""

WARM_UP = "Hello there. This is the first sentence."


@dataclass(frozen=True, slots=True)
class _Loaded:
    kokoro: KokoroModel
    pronouncer: Pronouncer
    voices: KokoroVoices
    line: SpeakingLine


class KokoroSynthesizer:
    """A `Synthesizer`; `load` and `warm` first. `use_espeak` False keeps espeak-ng out, even where it is."""

    def __init__(
        self,
        model: InstalledModel,
        settings: EngineSettings,
        *,
        use_espeak: bool = True,
        clock: Callable[[], float] = time.monotonic,
        open_model: Callable[..., KokoroModel] = KokoroModel,
    ) -> None:
        self.model = model.id
        assert model.path is not None, "Kokoro is no embedded model"
        self._folder = model.path
        self._settings = settings
        self._use_espeak = use_espeak
        self._clock = clock
        self._open = open_model
        self._loaded: _Loaded | None = None
        self._fault: str | None = None
        self._threads = settings.threads or 1
        self._pace = Pace(1)
        self._source: PhonemeProcess | None = None

    async def load(self) -> None:
        """Look through the files, then load them. Raises `EngineUnavailable`."""
        await self._share_cores()
        provider = await asyncio.to_thread(choose_provider, self._settings.provider, "tts")
        files = await asyncio.to_thread(examine, self._folder)
        self._source = await self._espeak() if self._use_espeak else None
        is_plain = files.version < 2
        pronouncer = Pronouncer(files.alphabet, files.lexicons, self._source, is_plain=is_plain)
        self._check_english(pronouncer)
        kokoro = await asyncio.to_thread(self._open, files, self._threads, provider)
        voices = KokoroVoices(speakers(files.speaker_names, files.speakers), pronouncer.can_say)
        self._loaded = _Loaded(kokoro, pronouncer, voices, SpeakingLine(self._pace.workers))

    async def _share_cores(self) -> None:
        cores = await asyncio.to_thread(physical_cores)
        self._threads = self._settings.threads or max(1, min(cores // 2, MAX_THREADS))
        self._pace = Pace(max(1, min(cores // self._threads, MAX_WORKERS)))

    @property
    def _ready(self) -> _Loaded:
        if self._loaded is None:
            raise EngineUnavailable("Kokoro is not loaded.", engine="tts")
        return self._loaded

    async def _espeak(self) -> PhonemeProcess | None:
        source = PhonemeProcess()
        try:
            await source.start()
        except PhonemesUnavailable as error:
            logger.warning("unknown words are spelled, for there is no espeak-ng: %s", error)
            return None
        return source

    def _check_english(self, pronouncer: Pronouncer) -> None:
        if not pronouncer.can_say("en-us"):
            raise EngineUnavailable(
                f"{self._folder} has no lexicon-us-en.txt, so this model speaks only with espeak-ng, which "
                "cannot be used here (the package espeakng-loader).",
                engine="tts",
            )

    async def warm(self) -> None:
        """Speak twice: the first time allocates, the second is measured."""
        for text in (WARM_UP, WARM_UP):
            began = self._clock()
            async with aclosing(self.synthesize(text, DEFAULT_VOICE, 1.0)) as frames:
                speech = sum([frame.duration async for frame in frames])
            self._pace.start(self._clock() - began, speech)
        logger.info(
            "%s speaks at %.2f of real time with %d threads", self.model, self.real_time_factor, self._threads
        )

    @property
    def real_time_factor(self) -> float:
        return self._pace.real_time_factor

    @property
    def max_streams(self) -> int:
        return self._pace.max_streams

    @property
    def condition(self) -> Mapping[str, float]:
        return {
            "real_time_factor": round(self.real_time_factor, 3),
            "threads": self._threads,
            "workers": self._pace.workers,
            "max_streams": self.max_streams,
        }

    @property
    def voices(self) -> tuple[Voice, ...]:
        return self._loaded.voices.listed if self._loaded else ()

    @property
    def fault(self) -> str | None:
        return self._fault

    def check_voice(self, voice: str) -> None:
        self._ready.voices.find(voice)

    async def synthesize(
        self, text: str, voice: str, speed: float, lead: float = 0.0
    ) -> AsyncGenerator[AudioFrame]:
        """Raises `InvalidRequestError`, `EngineTimeout` and `EngineCrashed`."""
        own_speed = min(max(speed, MIN_SPEED), MAX_SPEED)
        speech = Speech(speed / own_speed)
        if lead:
            speech.heard_before(lead, self._clock())
        spoken = self._spoken(text, self._ready.voices.find(voice), own_speed, speech)
        frames = spoken if own_speed == speed else stretch(spoken, speed / own_speed)
        async with aclosing(frames):
            async for frame in frames:
                yield frame

    async def _spoken(
        self, text: str, speaker: Speaker, speed: float, speech: Speech
    ) -> AsyncGenerator[AudioFrame]:
        normal = normalise(text, speaker.language, are_figures_spelled=True)
        self._ready.pronouncer.check(normal, speaker.language)
        has_spoken = False
        async with aclosing(self._clauses(normal, speaker.language, speed, speech)) as clauses:
            async for clause, pause in clauses:
                samples = await self._made(clause, speaker, speed, speech)
                speech.add(len(samples) / self._ready.kokoro.sample_rate + pause / speed, self._clock())
                has_spoken = True
                yield AudioFrame(samples.astype("<i2").tobytes(), self._ready.kokoro.sample_rate)
                if pause:
                    yield self._silence(pause / speed)
        if not has_spoken:
            yield self._silence(QUIET_TEXT_PAUSE)

    async def _clauses(
        self, text: str, language: str, speed: float, speech: Speech
    ) -> AsyncGenerator[tuple[Clause, float]]:
        """Each with the silence to add behind it: that of a new line or paragraph."""
        for sentence in split_clauses(text):
            said = await self._ready.pronouncer.words(sentence.text, language)
            words = [piece for word in said for piece in split_overlong(word)]
            while words:
                clause, count = next_clause(words, speed * self._wished(speech))
                words = words[count:]
                yield clause, 0.0 if words else sentence.line_pause

    def _wished(self, speech: Speech) -> float:
        """Seconds of speech for the next clause."""
        affordable = self._pace.affordable(speech.lead(self._clock()))
        return min(max(affordable, FIRST_SPEECH), LONGEST_SPEECH)

    async def _made(self, clause: Clause, speaker: Speaker, speed: float, speech: Speech) -> Samples:
        work = partial(self._generate, clause, speaker, speed)
        try:
            return await self._ready.line.run(work, speech.due(self._clock()), CLAUSE_DEADLINE)
        except TimeoutError:
            self._fault = f"Kokoro made no clause within {CLAUSE_DEADLINE:.0f} s"
            self._ready.line.close()
            raise EngineTimeout(self._fault, engine="tts") from None
        except LineClosed as error:
            raise EngineTimeout(self._fault or "Kokoro was stopped.", engine="tts") from error

    def _generate(self, clause: Clause, speaker: Speaker, speed: float) -> Samples:
        """In a thread of the line."""
        began = self._clock()
        samples = self._ready.kokoro.generate(clause.phonemes, speaker.number, speed)
        self._pace.learn(self._clock() - began, len(samples) / self._ready.kokoro.sample_rate)
        return trimmed(samples, self._ready.kokoro.sample_rate, clause.mark)

    def _silence(self, duration: float) -> AudioFrame:
        rate = self._ready.kokoro.sample_rate
        return AudioFrame(bytes(BYTES_PER_SAMPLE * round(duration * rate)), rate)

    async def aclose(self) -> None:
        if self._loaded is not None:
            self._loaded.line.close()
        if self._source is not None:
            await self._source.aclose()
