"""The benchmark of a model, against engines of known speed and one real engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from sottovoce.cli import measuring
from sottovoce.cli.app import run
from sottovoce.cli.engines import Engine
from sottovoce.cli.measuring import Recording, measure
from sottovoce.config import EngineKind, Settings
from sottovoce.errors import EngineTimeout, EngineUnavailable
from sottovoce.models.installed import EMBEDDED
from sottovoce.models.machine import Machine, this_machine
from sottovoce.models.measured import Measured, read_measured
from sottovoce.services.status import EngineStatus
from tests import virtual_time


class Tokens(httpx.AsyncByteStream):
    """A reply that is made while it is read."""

    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        await self._chunks.aclose()


Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]
HERE = Machine(2, 8 << 30, cpu="Test")
QUESTIONS = (Recording(b"RIFF", 2.0), Recording(b"RIFF", 4.0))


def serve(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    @asynccontextmanager
    async def started(settings: Settings, model: object) -> AsyncIterator[tuple[Engine, EngineStatus]]:
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(base_url="http://engine/v1/", transport=transport) as client:
            status = EngineStatus("tts", "m", "ready", load_seconds=2.5, memory_bytes=1 << 30)
            yield Engine(client, "m"), status

    monkeypatch.setattr(measuring, "started", started)


def measured(kind: EngineKind) -> Measured:
    """In virtual time."""
    return virtual_time.run(measure(EMBEDDED[kind], Settings(), HERE, QUESTIONS))


def test_a_voice_is_measured_by_its_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        await asyncio.sleep(1.0)
        return httpx.Response(200, content=bytes(4 * 48_000))  # four seconds

    serve(monkeypatch, answer)
    run = measured("tts")
    assert run.real_time_factor == pytest.approx(0.25)
    assert (run.load_seconds, run.memory_bytes, run.machine) == (2.5, 1 << 30, HERE.name)
    assert len(asked) == 1 + 11  # one to warm up, then ten seconds' worth
    assert {each["response_format"] for each in asked} == {"pcm"}


def test_a_recogniser_is_measured_by_what_it_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def answer(request: httpx.Request) -> httpx.Response:
        assert b"RIFF" in request.content
        asked.append(request)
        await asyncio.sleep(12.0)
        return httpx.Response(200, text="hello")

    serve(monkeypatch, answer)
    assert measured("stt").real_time_factor == pytest.approx(6.0)
    assert len(asked) == 2  # it is so slow that one request uses up the budget


async def _words(count: int, first: float, pace: float) -> AsyncGenerator[bytes]:
    yield b": ping\n\n"
    yield _event({"role": "assistant"})
    await asyncio.sleep(first)
    for number in range(count):
        yield _event({"reasoning_content": "hm"} if number < 2 else {"content": "word"})
        await asyncio.sleep(pace)
    yield b'data: {"choices": [], "usage": {"completion_tokens": 20}}\n\ndata: [DONE]\n\n'


def _event(delta: dict[str, str]) -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': delta}]})}\n\n".encode()


@pytest.mark.parametrize(
    ("count", "first", "pace", "rate"), [(20, 3.0, 0.25, 4.0), (64, 20.0, 4.0, 0.25), (2, 1.0, 50.0, 1 / 50)]
)
def test_a_language_model_is_measured_by_its_tokens(
    monkeypatch: pytest.MonkeyPatch, count: int, first: float, pace: float, rate: float
) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Tokens(_words(count, first, pace)))

    serve(monkeypatch, answer)
    run = measured("llm")
    assert run.first_token == pytest.approx(first)
    assert run.tokens_per_second == pytest.approx(rate)


def test_a_slow_language_model_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Tokens(_words(64, 1.0, 2.0)))

    async def timed() -> float:
        await measure(EMBEDDED["llm"], Settings(), HERE, QUESTIONS)
        return asyncio.get_running_loop().time()

    serve(monkeypatch, answer)
    assert virtual_time.run(timed()) == pytest.approx(1.0 + measuring.BUDGET)


def test_a_language_model_without_a_second_token_has_no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Tokens(_words(64, 1.0, 100.0)))

    serve(monkeypatch, answer)
    with pytest.raises(EngineTimeout, match="did not answer"):
        measured("llm")


def test_a_model_that_says_nothing_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="data: [DONE]\n\n")

    serve(monkeypatch, answer)
    with pytest.raises(EngineUnavailable, match="answered nothing"):
        measured("llm")


def test_refusals_silence_and_death_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, json={"error": {"message": "out of memory"}})

    async def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("")

    async def dead(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("peer closed connection")

    for answer, error, message in (
        (refuse, EngineUnavailable, "out of memory"),
        (silent, EngineTimeout, "did not answer within 60 s"),
        (dead, EngineUnavailable, "stopped answering: peer closed"),
    ):
        serve(monkeypatch, answer)
        with pytest.raises(error, match=message):
            measured("tts")


def test_a_real_engine_is_measured_and_remembered(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measuring, "BUDGET", 0.2)
    assert run(["models", "fit", "espeak-ng", "--measure"]) == 0
    told = capsys.readouterr()
    assert "of computing for a second of speech" in told.out
    assert "espeak-ng fits this machine: it took" in told.out
    assert "measuring espeak-ng" in told.err
    kept = read_measured(home, this_machine())["espeak-ng"]
    assert kept.real_time_factor is not None
    assert 0 < kept.real_time_factor < 1
    assert kept.load_seconds > 0
