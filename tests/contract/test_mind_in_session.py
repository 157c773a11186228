"""A local model's words come out of a Realtime session of the whole server, also when llama.cpp is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from openai import AsyncOpenAI

from tests.clients.openai_conversation import Conversation, conversation
from tests.live_server import Server
from tests.made_models.gguf import KEYWORD, REPLY, Script, scripted

RULES = "2 plus 2 is 4."
ASKED = "what is two plus two"
LIGHT: Any = {
    "type": "function",
    "name": "adjust_light",
    "description": "Turn a light on or off.",
    "parameters": {
        "type": "object",
        "properties": {"is_on": {"type": "boolean"}},
        "required": ["is_on"],
        "additionalProperties": False,
    },
}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("live")
    (home / "cache").symlink_to(engine_cache, target_is_directory=True)
    model = scripted(home / "made.gguf", Script(context=32_768))
    server = Server(home, llm_model=str(model), llm_server="built-in", llm_context="32768", offline="true")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def talk(server: Server) -> AsyncIterator[Conversation]:
    async with (
        AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.key) as client,
        conversation(client.realtime.connect(model="gpt-realtime")) as talk,
    ):
        yield talk


def llama(server: Server) -> psutil.Process:
    for process in psutil.Process(server.process.pid).children(recursive=True):
        if "sottovoce.services.llama.builtin" in process.cmdline():
            return process
    raise AssertionError("no llama.cpp is running")


async def said(talk: Conversation, asked: str) -> str:
    await talk.write(asked)
    await talk.connection.response.create()
    response = (await talk.expect("response.done")).response
    assert response.status == "completed", response
    return talk.words_of(response.id).strip()


async def test_its_words_are_spoken(talk: Conversation) -> None:
    assert await said(talk, ASKED) == REPLY
    assert await said(talk, "and again") == REPLY


async def test_it_calls_a_client_s_tool_and_answers_its_result(talk: Conversation) -> None:
    choice = {"type": "function", "name": "adjust_light"}
    await talk.configure(tools=[LIGHT], tool_choice=choice)
    await talk.write(f"please {KEYWORD} now")
    await talk.connection.response.create()
    done = await talk.expect("response.function_call_arguments.done")
    assert done.name == "adjust_light"
    assert json.loads(done.arguments) in ({"is_on": True}, {"is_on": False})  # white space is the model's
    await talk.expect("response.done")
    await talk.configure(tools=[LIGHT], tool_choice="auto")
    output: Any = {"type": "function_call_output", "call_id": done.call_id, "output": "done"}
    await talk.connection.conversation.item.create(item=output)
    await talk.connection.response.create()
    response = (await talk.expect("response.done")).response
    assert talk.words_of(response.id).strip() == REPLY


async def test_a_lost_llama_costs_no_turn(server: Server, talk: Conversation) -> None:
    """Meanwhile the rules answer, or the reply waits for the moment that a small model takes to load."""
    assert await said(talk, ASKED) == REPLY
    lost = llama(server)
    lost.kill()
    psutil.wait_procs([lost], 5)
    assert await said(talk, ASKED) in (REPLY, RULES)
    async with asyncio.timeout(60):
        while await said(talk, ASKED) != REPLY:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    assert llama(server).pid != lost.pid
