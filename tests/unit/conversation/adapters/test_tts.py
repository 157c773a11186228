"""The voices of a chain against scripted services: who says a clause, and that nobody says it twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from livekit.agents import APIError, APITimeoutError

from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.adapters.tts import ServiceTTS
from sottovoce.conversation.engines import Used
from tests.fake_engines import FakeChain, FakeEngines, running_chain

DEADLINE = 0.3
"""Seconds, of an engine that hangs; others have theirs, for the machine may be busy."""
CLAUSE = "It is noon, my friend."


@pytest.fixture
async def chain() -> AsyncIterator[FakeChain]:
    async with running_chain("good", "spare") as members:
        yield members


@pytest.fixture
async def voice(chain: FakeChain) -> AsyncIterator[ServiceTTS]:
    clients = EngineClients(chain)
    yield ServiceTTS(clients)
    await clients.aclose()


async def said(voice: ServiceTTS, by: str = "alloy") -> tuple[float, list[Used]]:
    """Seconds of sound, and whose it is."""
    told = list[Used]()
    async with voice.say(CLAUSE, by, 1.0, told.append) as clause:
        return sum([audio.frame.duration async for audio in clause]), told


async def test_the_first_of_the_chain_speaks(voice: ServiceTTS, spare: FakeEngines) -> None:
    seconds, told = await said(voice)
    assert seconds == pytest.approx(len(CLAUSE) / 15, abs=0.1)
    assert told == [Used("good-tts")]
    assert spare.spoken == []


async def test_our_own_engine_is_told_what_is_still_to_be_heard(voice: ServiceTTS, good: FakeEngines) -> None:
    await said(voice)
    async with voice.say(CLAUSE, "alloy", 1.0, lead=2.5) as clause:
        assert [audio async for audio in clause]
    assert good.leads == ["", "2.50"]


@pytest.mark.parametrize("fault", ["refuse", "hang", "mute", "busy"])
async def test_the_next_one_says_the_clause_where_the_first_makes_no_sound(
    voice: ServiceTTS, good: FakeEngines, spare: FakeEngines, fault: str
) -> None:
    good.failing["tts"], good.deadlines["tts"] = fault, DEADLINE
    seconds, (used,) = await said(voice)
    assert seconds == pytest.approx(len(CLAUSE) / 15, abs=0.1)
    assert (used.model, used.instead_of) == ("spare-tts", "good-tts")
    assert (good.spoken, spare.spoken) == ([CLAUSE], [CLAUSE])


async def test_a_clause_that_was_begun_is_not_said_again(
    voice: ServiceTTS, good: FakeEngines, spare: FakeEngines
) -> None:
    good.failing["tts"] = "cut"
    with pytest.raises(APIError):
        await said(voice)
    assert (len(good.spoken), spare.spoken) == (1, [])


async def test_a_swap_between_two_clauses_gives_the_next_one_to_the_new_voice(
    voice: ServiceTTS, chain: FakeChain, spare: FakeEngines
) -> None:
    await said(voice)
    chain.members = [spare]
    assert (await said(voice))[1] == [Used("spare-tts")]
    await asyncio.sleep(0)
    assert voice.clients.lines == 1


async def test_a_voice_that_the_next_engine_has_not_is_its_default(
    voice: ServiceTTS, good: FakeEngines, spare: FakeEngines
) -> None:
    good.failing["tts"] = "refuse"
    spare.known_voices = ("alloy", "de")
    await said(voice, "af_bella")
    assert [name for name, _ in spare.voices] == ["af_bella", "alloy"]


async def test_the_default_of_one_that_does_not_know_openai_is_its_first(
    voice: ServiceTTS, chain: FakeChain, spare: FakeEngines
) -> None:
    chain.members = [spare]
    spare.known_voices = ("bella", "nicole")
    await said(voice, "alloy")
    assert [name for name, _ in spare.voices] == ["alloy", "bella"]


async def test_what_is_wrong_with_the_text_is_wrong_for_all(
    voice: ServiceTTS, good: FakeEngines, spare: FakeEngines
) -> None:
    good.failing["tts"] = "bad"
    for _ in range(3):
        with pytest.raises(APIError):
            await said(voice, "alloy")
    assert spare.spoken == []


async def test_the_only_voice_is_asked_once_more_unless_it_hangs(
    voice: ServiceTTS, chain: FakeChain, good: FakeEngines
) -> None:
    chain.members = [good]
    good.failing["tts"] = "refuse"
    with pytest.raises(APIError):
        await said(voice)
    assert len(good.spoken) == 2
    good.failing["tts"], good.deadlines["tts"] = "hang", DEADLINE
    with pytest.raises(APITimeoutError):
        await said(voice)
    assert len(good.spoken) == 3
