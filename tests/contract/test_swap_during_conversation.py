"""A conversation over the whole server while its engines are replaced: every word that is said is heard,
every question answered, every answer spoken to its end, by the old engine or by the new."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest
from openai import AsyncOpenAI

from sottovoce.cli.hosting import Hosted, hosted
from sottovoce.config import ENGINE_KINDS, EngineKind, load
from sottovoce.http.server import listen
from sottovoce.models.installed import InstalledModel
from sottovoce.models.layout import recognise
from tests.clients.microphone import SPOKEN_QUESTION, Microphone
from tests.clients.openai_conversation import Conversation, conversation
from tests.made_models import gguf, kokoro, streaming

HEARD = "conversation.item.input_audio_transcription.completed"
QUESTION = "what is twelve times seven"
MADE_SCRIPT = "Now what is twelve tim|es sev|en?"
MADE_QUESTION = MADE_SCRIPT.replace("|", "")
"""Not what is recorded: only the model that was made says this."""
ANSWER = "84"
RATE_HZ = 24_000
CONTEXT = 16_384
"""The made language model reads letter by letter."""
READY_WITHIN = 60.0

pytestmark = [pytest.mark.timeout(180), pytest.mark.end_to_end]


@dataclass
class Turn:
    """`engines` are the processes of each kind that were in use when it began and when it ended."""

    heard: str
    answer: str
    status: str
    sound: float
    engines: tuple[dict[EngineKind, int | None], dict[EngineKind, int | None]]


@pytest.fixture
async def server(home: Path) -> AsyncIterator[Hosted]:
    settings = load({"home": home, "offline": True, "llm": {"context": CONTEXT}}, {})
    async with hosted(settings, listen("127.0.0.1", 0), secrets.token_urlsafe(32)) as server:
        async with asyncio.timeout(READY_WITHIN):
            await server.supervisor.wait_ready()
        yield server


@asynccontextmanager
async def talking(server: Hosted) -> AsyncIterator[tuple[Conversation, Microphone]]:
    at = server.server
    async with (
        AsyncOpenAI(base_url=f"{at.url}/v1", api_key=at.key) as client,
        conversation(client.realtime.connect(model="gpt-realtime")) as talk,
        talk.microphone() as microphone,
    ):
        yield talk, microphone


def in_use(server: Hosted) -> dict[EngineKind, int | None]:
    return {kind: status.pid for kind, status in server.supervisor.statuses().items()}


async def a_turn(server: Hosted, talk: Conversation, microphone: Microphone) -> Turn:
    """The user asks aloud, and hears the answer to its end."""
    before = in_use(server)
    microphone.say(SPOKEN_QUESTION)
    heard = (await talk.expect(HEARD)).transcript
    done = (await talk.expect("response.done")).response
    sound = len(talk.sound_of(done.id)) / 2 / RATE_HZ
    return Turn(heard, talk.words_of(done.id), done.status, sound, (before, in_use(server)))


class Talk:
    """One conversation; each swap is checked against the turns around it."""

    def __init__(self, server: Hosted, talk: Conversation, microphone: Microphone) -> None:
        self._server = server
        self._a_turn = partial(a_turn, server, talk, microphone)
        self._last: Turn | None = None

    async def during(self, swaps: Mapping[EngineKind, InstalledModel | None]) -> Turn:
        """Talk before, while and after other models come; returns the last turn, with the new ones alone."""
        turns = [self._last or await self._a_turn()]
        use = self._server.supervisor.use
        using = asyncio.gather(*(use(kind, model) for kind, model in swaps.items()))
        while not using.done():
            turns.append(await self._a_turn())
        await using
        turns.append(await self._a_turn())
        check(turns, set(swaps))
        self._last = turns[-1]
        return self._last


def check(turns: list[Turn], kinds: set[EngineKind]) -> None:
    """No word was lost, and it was these engines that were replaced, while somebody talked."""
    assert [turn.heard for turn in turns if turn.heard not in (QUESTION, MADE_QUESTION)] == []
    assert [
        turn.answer for turn in turns if ANSWER not in turn.answer and gguf.REPLY not in turn.answer
    ] == []
    assert {turn.status for turn in turns} == {"completed"}
    assert min(turn.sound for turn in turns) > 0.5
    first, last = turns[0].engines[0], turns[-1].engines[1]
    assert {each for each in last if last[each] != first[each]} == kinds
    assert any(began != ended for began, ended in (turn.engines for turn in turns))


def made(path: Path) -> InstalledModel:
    return InstalledModel(entry=recognise(path), path=path)


async def test_no_word_is_lost_while_engines_come_and_go(server: Hosted, tmp_path: Path) -> None:
    ear = streaming.build(tmp_path / "ear", streaming.Script(MADE_SCRIPT, frames_per_token=1))
    mind = gguf.scripted(tmp_path / "mind.gguf", gguf.Script(context=CONTEXT))
    voice = kokoro.make_tone_voice(tmp_path / "voice")
    before = processes()
    async with talking(server) as (conversation, microphone):
        talk = Talk(server, conversation, microphone)
        heard = (await talk.during({"stt": made(ear)})).heard
        assert heard == MADE_QUESTION
        await talk.during({"tts": made(voice)})
        answer = (await talk.during({"llm": made(mind)})).answer
        assert answer.strip() == gguf.REPLY
        last = await talk.during({"stt": None, "llm": None, "tts": None})
        assert (last.heard, ANSWER in last.answer) == (QUESTION, True)
    await until_drained(server)
    assert processes() == before


async def until_drained(server: Hosted) -> None:
    """Until those that were replaced are gone."""
    async with asyncio.timeout(READY_WITHIN):
        async for _ in server.supervisor.changes():
            if all(len(server.supervisor.members(kind)) == 1 for kind in ENGINE_KINDS):
                return


def processes() -> list[list[str]]:
    """What this process has started, by their commands."""
    return sorted(child.cmdline()[:6] for child in psutil.Process().children())
