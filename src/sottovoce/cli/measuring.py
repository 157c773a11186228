"""The ten-second benchmark: the actual model, in its own service, on this machine.

It runs what a conversation asks of an engine: recordings of whole questions to a recogniser, sentences to a
voice, a short answer to a language model. The first request warms up and does not count.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

from sottovoce.cli.bench import find_recordings
from sottovoce.cli.engines import Engine, check, started
from sottovoce.config import Settings
from sottovoce.errors import EngineTimeout, EngineUnavailable
from sottovoce.models.installed import InstalledModel
from sottovoce.models.machine import this_machine
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


@dataclass(slots=True)
class _Tally:
    """Seconds of computing, and seconds of sound."""

    work: float = 0.0
    sound: float = 0.0

    @property
    def factor(self) -> float | None:
        return self.work / self.sound if self.sound else None


async def measure(model: InstalledModel, settings: Settings, say: Say = lambda text: None) -> Measured:
    """Start the model's service, put it to work, and end it; `say` hears how it goes.

    Raises `EngineError` where it does not come up or does not answer.
    """
    kind = model.entry.kind
    say(f"loading {model.id}")
    async with started(settings, model) as (engine, status):
        say(f"measuring {model.id} for about {BUDGET:.0f} s")
        try:
            speed = await _SPEEDS[kind](engine)
        except httpx.TimeoutException:
            message = f"{model.id} did not answer within {REQUEST_DEADLINE:.0f} s"
            raise EngineTimeout(message, engine=kind) from None
        except httpx.TransportError as error:
            message = f"{model.id} stopped answering: {error or type(error).__name__}"
            raise EngineUnavailable(message, engine=kind) from error
        return Measured(
            model=model.id,
            machine=(await asyncio.to_thread(this_machine)).name,
            load_seconds=status.load_seconds or 0.0,
            memory_bytes=status.memory_bytes,
            measured_at=time.time(),
            **speed,
        )


async def _hearing(engine: Engine) -> dict[str, Any]:
    """Seconds of computing per second of speech heard."""
    recordings = await asyncio.to_thread(lambda: [_read(path) for path in find_recordings(None)])
    await _hear(engine, *recordings[0])
    tally = _Tally()
    for content, duration in _until_due(recordings):
        tally.work += await _hear(engine, content, duration)
        tally.sound += duration
    return {"real_time_factor": tally.factor}


async def _hear(engine: Engine, content: bytes, duration: float) -> float:
    form = {"model": engine.model, "response_format": "text"}
    begun = time.perf_counter()
    files = {"file": ("question.wav", content, "audio/wav")}
    reply = await engine.client.post("audio/transcriptions", data=form, files=files, timeout=REQUEST_DEADLINE)
    await check(reply, "stt")
    return time.perf_counter() - begun


async def _speaking(engine: Engine) -> dict[str, Any]:
    """Seconds of computing per second of speech made."""
    await _speak(engine, SENTENCES[2])
    tally = _Tally()
    for sentence in _until_due(SENTENCES):
        begun = time.perf_counter()
        tally.sound += await _speak(engine, sentence)
        tally.work += time.perf_counter() - begun
    return {"real_time_factor": tally.factor}


async def _speak(engine: Engine, text: str) -> float:
    """Seconds of the speech."""
    body = {"model": engine.model, "input": text, "voice": "alloy", "response_format": "pcm"}
    reply = await engine.client.post("audio/speech", json=body, timeout=REQUEST_DEADLINE)
    await check(reply, "tts")
    return len(reply.content) / SAMPLE_BYTES / SPEECH_HZ


async def _answering(engine: Engine) -> dict[str, Any]:
    """Seconds to the first token of a prompt that is new, and tokens a second from there on."""
    body = {
        "model": engine.model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": ANSWER_TOKENS,
        "stream": True,
    }
    begun = time.perf_counter()
    moments = [moment async for moment in _deltas(engine, body, begun + BUDGET)]
    if not moments:
        raise EngineUnavailable("The model answered nothing.", engine="llm")
    pace = (len(moments) - 1) / (moments[-1] - moments[0]) if moments[-1] > moments[0] else None
    return {"first_token": moments[0] - begun, "tokens_per_second": pace}


async def _deltas(engine: Engine, body: dict[str, Any], due: float) -> AsyncIterator[float]:
    """The moments at which pieces of the answer came, about a token each; until `due`, but at least two."""
    count = 0
    client = engine.client
    async with client.stream("POST", "chat/completions", json=body, timeout=REQUEST_DEADLINE) as reply:
        await check(reply, "llm")
        async for line in reply.aiter_lines():
            if _has_text(line):
                count += 1
                yield time.perf_counter()
            if count >= 2 and time.perf_counter() > due:
                return


def _has_text(line: str) -> bool:
    """Whether a line of the event stream holds a piece of the answer, thoughts included."""
    if not line.startswith("data: {"):
        return False
    choices = json.loads(line.removeprefix("data: ")).get("choices") or [{}]
    delta = choices[0].get("delta") or {}
    return bool(delta.get("content") or delta.get("reasoning_content"))


def _until_due(items: Iterable[Any]) -> Iterable[Any]:
    """Over and over until the budget is used up; at least once."""
    due = time.perf_counter() + BUDGET
    for item in cycle(items):
        yield item
        if time.perf_counter() > due:
            return


def _read(path: Path) -> tuple[bytes, float]:
    """A recording and its length in seconds."""
    import wave

    with wave.open(str(path)) as reader:
        duration = reader.getnframes() / reader.getframerate()
    return path.read_bytes(), duration


_SPEEDS = {"stt": _hearing, "llm": _answering, "tts": _speaking}
