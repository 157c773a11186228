"""A model's words come out of a Realtime session of the whole server, whatever happens to its process."""

from __future__ import annotations

import asyncio
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
from tests.made_models import streaming

RECORDED = "dialogue-what-is-twelve-times-seven-slt"
SAID = "What's twelve times seven, plus one?"
"""Not what is recorded: only the model that was made says this."""
SCRIPT = streaming.Script("What's twelve tim|es seven, plus one?", frames_per_token=1)
HEARD = "conversation.item.input_audio_transcription.completed"
BACK_WITHIN = 60.0

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("live")
    (home / "cache").symlink_to(engine_cache, target_is_directory=True)
    folder = streaming.build(home / "made", SCRIPT)
    server = Server(home, stt_model=str(folder), offline="true")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def talk(server: Server) -> AsyncIterator[Conversation]:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key) as client:
        await preferred(server)
        async with conversation(client.realtime.connect(model="gpt-realtime")) as talk:
            yield talk


async def preferred(server: Server) -> dict[str, Any]:
    """The recogniser's status once the model is the one in use."""
    headers = {"authorization": f"Bearer {server.key}"}
    async with asyncio.timeout(BACK_WITHIN), httpx.AsyncClient(trust_env=False, headers=headers) as client:
        while True:
            status: dict[str, Any] = (await client.get(f"{server.url}/api/status")).json()["engines"]["stt"]
            if (status["model"], status["state"]) == ("made", "ready"):
                return status
            await asyncio.sleep(0.1)


def kill(server: Server) -> None:
    """The process of the model, not that of the recogniser behind it."""
    for child in psutil.Process(server.process.pid).children():
        if '"made"' in child.environ().get(SERVICE_MODEL, ""):
            return child.kill()
    raise AssertionError("no process has the model")


async def test_its_words_are_heard_and_answered(talk: Conversation) -> None:
    await talk.append_speech(RECORDED)
    assert (await talk.expect(HEARD)).transcript == SAID
    response = (await talk.expect("response.done")).response
    assert response.status == "completed"
    assert "85" in talk.words_of(response.id)


async def test_a_process_that_is_killed_costs_no_words(server: Server, talk: Conversation) -> None:
    """Whoever hears the utterance in its place hears it from its beginning."""
    async with talk.microphone() as microphone:
        microphone.say(RECORDED)
        await talk.expect("conversation.item.input_audio_transcription.delta")
        kill(server)
        heard = (await talk.expect(HEARD)).transcript
    assert heard in (SAID, "what is twelve times seven")
    assert (await talk.expect("response.done")).response.status == "completed"
    await preferred(server)
