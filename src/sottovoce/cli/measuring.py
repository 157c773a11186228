"""The ten-second benchmark: the actual model, in its own service, on this machine.

It runs what a conversation asks of an engine: recordings of whole questions to a recogniser, sentences to a
voice, a short answer to a language model. The first request warms up and does not count.
"""

from __future__ import annotations

import asyncio
import json
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, TypeVar

import httpx

from sottovoce.cli.bench import find_recordings
from sottovoce.cli.engines import Engine, check, started
from sottovoce.config import EngineKind, Settings
from sottovoce.errors import EngineTimeout, EngineUnavailable
from sottovoce.models.installed import InstalledModel
from sottovoce.models.machine import Machine
from sottovoce.models.measured import Measured

BUDGET = 10.0
"""Seconds that one model is measured for; a request that runs then is finished."""

REQUEST_DEADLINE = 60.0
"""Seconds for one request: a model that takes longer is of no use here."""

SPEECH_HZ, SAMPLE_BYTES = 24_000, 2
"""Of raw speech from a voice."""

ANSWER_TOKENS = 64

SENTENCES = (
    "It is a quarter past nine, and the kettle has just begun to sing.",
    "Tomorrow will be cloudy in the morning, with some sun later in the day.",
    "I have set a timer for twenty five minutes.",
    "The nearest station is about two kilometres from here, a walk of half an hour.",
)
QUESTION = (
    "You are a voice assistant. Tell me in three or four sentences how a kettle makes water boil, and why it "
    "sings before it does."
)

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recording:
    """A WAV file and its length in seconds."""

    content: bytes
    duration: float


@dataclass(slots=True)
class _Tally:
    """Seconds of computing, and seconds of sound."""

    work: float = 0.0
    sound: float = 0.0

    @property
    def factor(self) -> float | None:
        return self.work / self.sound if self.sound else None


async def measure(
    model: InstalledModel,
    settings: Settings,
    machine: Machine,
    recordings: Sequence[Recording],
    say: Say = lambda text: None,
) -> Measured:
    """Start the model's service, put it to work, and end it; `say` hears how it goes.

    Raises `EngineError` where it does not come up or does not answer.
    """
    kind = model.entry.kind
    say(f"loading {model.id}")
    async with started(settings, model) as (engine, status):
        say(f"measuring {model.id} for about {BUDGET:.0f} s")
        try:
            speed = await _speed(kind, engine, recordings)
        except (httpx.TimeoutException, TimeoutError):
            message = f"{model.id} did not answer within {REQUEST_DEADLINE:.0f} s"
            raise EngineTimeout(message, engine=kind) from None
        except httpx.TransportError as error:
            message = f"{model.id} stopped answering: {error or type(error).__name__}"
            raise EngineUnavailable(message, engine=kind) from error
        return Measured(
            model=model.id,
            machine=machine.name,
            load_seconds=status.load_seconds or 0.0,
            memory_bytes=status.memory_bytes,
            measured_at=time.time(),
            **speed,
        )


def read_recordings() -> list[Recording]:
    """The questions of the package. Raises `ConfigError` where they are missing."""
    return [_read(path) for path in find_recordings(None)]


async def _speed(kind: EngineKind, engine: Engine, recordings: Sequence[Recording]) -> dict[str, Any]:
    if kind == "stt":
        return await _hearing(engine, recordings)
    return await (_answering(engine) if kind == "llm" else _speaking(engine))


async def _hearing(engine: Engine, recordings: Sequence[Recording]) -> dict[str, Any]:
    """Seconds of computing per second of speech heard."""
    await _hear(engine, recordings[0])
    tally = _Tally()
    for recording in _until_due(recordings):
        tally.work += await _hear(engine, recording)
        tally.sound += recording.duration
    return {"real_time_factor": tally.factor}


async def _hear(engine: Engine, recording: Recording) -> float:
    """Seconds that it took."""
    form = {"model": engine.model, "response_format": "text"}
    files = {"file": ("question.wav", recording.content, "audio/wav")}
    begun = _now()
    reply = await engine.client.post("audio/transcriptions", data=form, files=files, timeout=REQUEST_DEADLINE)
    await check(reply, "stt")
    return _now() - begun


async def _speaking(engine: Engine) -> dict[str, Any]:
    """Seconds of computing per second of speech made."""
    await _speak(engine, SENTENCES[2])
    tally = _Tally()
    for sentence in _until_due(SENTENCES):
        begun = _now()
        tally.sound += await _speak(engine, sentence)
        tally.work += _now() - begun
    return {"real_time_factor": tally.factor}


async def _speak(engine: Engine, text: str) -> float:
    """Seconds of the speech."""
    body = {"model": engine.model, "input": text, "voice": "alloy", "response_format": "pcm"}
    reply = await engine.client.post("audio/speech", json=body, timeout=REQUEST_DEADLINE)
    await check(reply, "tts")
    return len(reply.content) / SAMPLE_BYTES / SPEECH_HZ


async def _answering(engine: Engine) -> dict[str, Any]:
    """Seconds to the first token of a prompt that is new, and tokens a second from there on."""
    moments: list[float] = []
    begun = _now()
    try:
        async with asyncio.timeout(REQUEST_DEADLINE) as limit:
            await _answer(engine, moments, limit)
    except TimeoutError:
        if len(moments) < 2:
            raise
    if not moments:
        raise EngineUnavailable("The model answered nothing.", engine="llm")
    duration = moments[-1] - moments[0]
    pace = (len(moments) - 1) / duration if duration > 0 else None
    return {"first_token": moments[0] - begun, "tokens_per_second": pace}


async def _answer(engine: Engine, moments: list[float], limit: asyncio.Timeout) -> None:
    """Note when each piece of the answer comes, about a token each; from the second on the budget counts."""
    body = {
        "model": engine.model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": ANSWER_TOKENS,
        "stream": True,
    }
    async with engine.client.stream("POST", "chat/completions", json=body, timeout=REQUEST_DEADLINE) as reply:
        await check(reply, "llm")
        async for line in reply.aiter_lines():
            if _has_text(line):
                moments.append(_now())
            if len(moments) == 2:
                limit.reschedule(moments[0] + BUDGET)


def _has_text(line: str) -> bool:
    """Whether a line of the event stream holds a piece of the answer, thoughts included."""
    if not line.startswith("data: {"):
        return False
    choices = json.loads(line.removeprefix("data: ")).get("choices") or [{}]
    delta = choices[0].get("delta") or {}
    return bool(delta.get("content") or delta.get("reasoning_content"))


def _until_due(items: Sequence[T]) -> Iterator[T]:
    """Over and over until the budget is used up; at least once."""
    due = _now() + BUDGET
    for item in cycle(items):
        yield item
        if _now() > due:
            return


def _read(path: Path) -> Recording:
    with wave.open(str(path)) as reader:
        return Recording(path.read_bytes(), reader.getnframes() / reader.getframerate())


def _now() -> float:
    return asyncio.get_running_loop().time()
