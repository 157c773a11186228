"""Whisper beside a streaming model: always there, and heard in a conversation when it has to be."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from openai import AsyncOpenAI

from sottovoce.services.child import SERVICE_MODEL
from tests.clients.openai_conversation import Conversation, conversation
from tests.live_server import Server
from tests.made_models import streaming, whisper

RECORDED = "dialogue-what-is-twelve-times-seven-slt"
STREAMED = "What's twelve times seven, plus one?"
WHISPERED = "What is twelve times seven, plus two?"
"""Neither is what is recorded: each tells which model heard it."""
HEARD = "conversation.item.input_audio_transcription.completed"
WITHIN = 60.0

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def server(tmp_path: Path, engine_cache: Path) -> Iterator[Server]:
    (tmp_path / "cache").symlink_to(engine_cache, target_is_directory=True)
    script = streaming.Script(STREAMED.replace("times", "tim|es"), frames_per_token=1)
    streamed = streaming.build(tmp_path / "streamed", script)
    whisper.build(tmp_path / "whispered", {"en": WHISPERED})
    server = Server(
        tmp_path, stt_model=str(streamed), stt_fallbacks=str(tmp_path / "whispered"), offline="true"
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def talk(server: Server) -> AsyncIterator[Conversation]:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key) as client:
        await ready(server, "streamed", "whispered")
        async with conversation(client.realtime.connect(model="gpt-realtime")) as talk:
            yield talk


async def ready(server: Server, *models: str) -> None:
    """Until these recognisers, and no other before them, are."""
    headers = {"authorization": f"Bearer {server.key}"}
    async with asyncio.timeout(WITHIN), httpx.AsyncClient(trust_env=False, headers=headers) as client:
        while True:
            stt = (await client.get(f"{server.url}/api/status")).json()["engines"]["stt"]
            members: list[dict[str, Any]] = stt["members"]
            if [each["model"] for each in members if each["state"] == "ready"] == list(models):
                return
            await asyncio.sleep(0.1)


def lose(server: Server, model: str) -> None:
    """Its process and its files, so that it cannot come back."""
    shutil.rmtree(server.home / model)
    for child in psutil.Process(server.process.pid).children():
        if f'"{model}"' in child.environ().get(SERVICE_MODEL, ""):
            return child.kill()
    raise AssertionError(f"no process has {model}")


async def test_whisper_hears_on_when_the_streaming_model_is_lost(server: Server, talk: Conversation) -> None:
    await talk.append_speech(RECORDED)
    assert (await talk.expect(HEARD)).transcript == STREAMED
    response = (await talk.expect("response.done")).response
    assert "85" in talk.words_of(response.id)
    await asyncio.to_thread(lose, server, "streamed")
    for _ in range(2):
        await talk.append_speech(RECORDED)
        assert (await talk.expect(HEARD)).transcript == WHISPERED
        response = (await talk.expect("response.done")).response
        assert response.status == "completed"
        assert "86" in talk.words_of(response.id)
