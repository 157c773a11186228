"""What a transcription service answers about a file: a body, or deltas while it is heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from pydantic import BaseModel

from sottovoce.cli.engines import Engine, Fault, check
from sottovoce.errors import EngineUnavailable

DATA = "data: "
DONE = "[DONE]"
DELTA = "transcript.text.delta"


class _Text(BaseModel):
    text: str


class _Event(BaseModel):
    type: str = ""
    delta: str = ""
    error: Fault | None = None


async def body(engine: Engine, file: Path, form: Mapping[str, str]) -> str:
    """Raises `InvalidRequestError` and `EngineError`."""
    async with _asked(engine, file, form) as reply:
        return (await reply.aread()).decode()


def text_of(reply: str) -> str:
    """The text of a reply in JSON."""
    return _Text.model_validate_json(reply).text


async def deltas(engine: Engine, file: Path, form: Mapping[str, str]) -> AsyncIterator[str]:
    """Text as it becomes final; from a service that does not stream, all of it in the end.

    Raises `InvalidRequestError` and `EngineError`.
    """
    async with _asked(engine, file, {**form, "stream": "true"}) as reply:
        if not reply.headers.get("content-type", "").startswith("text/event-stream"):
            yield text_of((await reply.aread()).decode())
            return
        fault: Fault | None = None
        async for line in reply.aiter_lines():
            if line.startswith(DATA) and line != DATA + DONE:
                event = _Event.model_validate_json(line.removeprefix(DATA))
                fault = event.error or fault  # nothing comes after it
                if event.type == DELTA:
                    yield event.delta
    if fault is not None:
        raise EngineUnavailable(f"The stt engine gave up: {fault.message}", engine="stt")


@asynccontextmanager
async def _asked(engine: Engine, file: Path, form: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
    with file.open("rb") as content:
        async with engine.client.stream(
            "POST",
            "audio/transcriptions",
            data={**form, "model": engine.model},
            files={"file": (file.name, content)},
        ) as reply:
            await check(reply, "stt")
            yield reply
