"""Chains of the real services: speech that is made while its engine is replaced, and models that are none."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from sottovoce.config import EngineEndpoint, load
from sottovoce.errors import EngineUnavailable
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.layout import recognise
from sottovoce.services.child import SERVICE_MODEL
from sottovoce.services.process import Spawner
from sottovoce.services.status import EngineStatus
from sottovoce.services.supervisor import Supervisor
from tests.made_models import kokoro

TEXT = "This is a long sentence that is said again and again. " * 60

pytestmark = [pytest.mark.timeout(90), pytest.mark.end_to_end]


def my_own_espeak() -> InstalledModel:
    return InstalledModel(entry=EMBEDDED["tts"].entry.model_copy(update={"id": "my-own"}))


async def until(supervisor: Supervisor, seen: Callable[[EngineStatus], bool]) -> EngineStatus:
    async with asyncio.timeout(40):
        async for statuses in supervisor.changes():
            if seen(statuses["tts"]):
                return statuses["tts"]
    raise AssertionError


async def speech(at: EngineEndpoint, text: str) -> int:
    """How many bytes of sound it takes; espeak-ng's noise is never twice the same."""
    body = {"model": at.model, "input": text, "response_format": "pcm"}
    async with httpx.AsyncClient(headers=at.headers, timeout=60, trust_env=False) as client:
        reply = await client.post(f"{at.url}/audio/speech", json=body)
        return len(reply.raise_for_status().content)


async def test_the_replaced_engine_is_gone_when_it_has_spoken(home: Path) -> None:
    async with Supervisor(load({"home": home}, {}), kinds=["tts"]) as supervisor:
        await until(supervisor, lambda status: status.state == "ready")
        await supervisor.use("tts", my_own_espeak())
        old, pid = supervisor.endpoint("tts"), supervisor.status("tts").pid
        whole = await speech(old, TEXT)
        speaking = asyncio.create_task(speech(old, TEXT))
        await supervisor.use("tts", None)
        assert await speaking == whole
        async with asyncio.timeout(20):
            async for _ in supervisor.changes():
                if len(supervisor.members("tts")) == 1:
                    break
        assert pid is not None
        assert not psutil.pid_exists(pid)


async def test_a_voice_that_is_killed_while_it_is_replaced_costs_only_its_own_speech(home: Path) -> None:
    async with Supervisor(load({"home": home}, {}), kinds=["tts"]) as supervisor:
        await until(supervisor, lambda status: status.state == "ready")
        await supervisor.use("tts", my_own_espeak())
        status, old = supervisor.status("tts"), supervisor.endpoint("tts")
        speaking = asyncio.create_task(speech(old, TEXT * 3))
        await supervisor.use("tts", None)
        assert status.pid is not None
        os.kill(status.pid, signal.SIGKILL)
        with pytest.raises(httpx.HTTPError):
            await speaking
        assert await speech(supervisor.endpoint("tts"), "Still here.")


async def test_a_damaged_voice_is_refused_in_words(home: Path, tmp_path: Path) -> None:
    folder = kokoro.make_tone_voice(tmp_path / "voice")
    voice = InstalledModel(entry=recognise(folder), path=folder)
    os.truncate(folder / "model.onnx", (folder / "model.onnx").stat().st_size // 2)
    async with Supervisor(load({"home": home}, {}), kinds=["tts"]) as supervisor:
        await until(supervisor, lambda status: status.state == "ready")
        before = supervisor.chain("tts")
        with pytest.raises(EngineUnavailable, match=r"The model voice .+"):
            await supervisor.use("tts", voice)
        assert supervisor.chain("tts") == before
        assert await speech(supervisor.endpoint("tts"), "Still here.")


async def test_a_service_that_is_told_of_no_model_says_so(home: Path) -> None:
    spawner = Spawner({"SOTTOVOCE_HOME": str(home), SERVICE_MODEL: '{"entry": 1}'})
    async with Supervisor(load({"home": home}, {}), kinds=["tts"], spawn=spawner) as supervisor:
        status = await until(supervisor, lambda status: status.reason is not None)
    assert "error: SOTTOVOCE_SERVICE_MODEL is no model" in (status.reason or "")
