"""The recognisers of a chain against scripted services: no word is lost, whatever becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.adapters.recognisers import Recognisers
from sottovoce.conversation.adapters.segments import Hints, Segment
from sottovoce.conversation.engines import Used
from sottovoce.errors import EngineError
from tests.fake_engines import FakeChain, FakeEngines, running_chain
from tests.spoken import until

SPEECH = b"\x01\x02" * 1600
DEADLINE = 0.3
"""Seconds, of an engine that hangs; others have theirs, for the machine may be busy."""
OURS = ("recognition", "leave a recogniser")
"""Tasks of a session's ear."""
MORE = b"\x03\x04" * 1600


@pytest.fixture
async def chain() -> AsyncIterator[FakeChain]:
    async with running_chain("good", "spare") as members:
        for member in members.members:
            member.heard.extend([f"{member.name} {number}" for number in range(9)])
        yield members


@pytest.fixture
async def clients(chain: FakeChain) -> AsyncIterator[EngineClients]:
    clients = EngineClients(chain)
    yield clients
    await clients.aclose()


@pytest.fixture
async def interims() -> list[str]:
    return []


@pytest.fixture
async def ear(clients: EngineClients, interims: list[str]) -> AsyncIterator[Recognisers]:
    ear = Recognisers(clients, Hints("en"), lambda segment: interims.append(segment.interim))
    yield ear
    await ear.aclose()


def heard(ear: Recognisers, *pieces: bytes) -> Segment:
    segment = ear.begin()
    for piece in pieces or (SPEECH,):
        ear.append(segment, piece)
    ear.finish(segment)
    return segment


async def test_the_first_of_the_chain_hears(ear: Recognisers, spare: FakeEngines) -> None:
    segment = heard(ear)
    assert await segment.text == "good 0"
    assert segment.used == Used("good-stt")
    assert spare.connections == 0


@pytest.mark.parametrize("fault", ["refuse", "hang", "mute"])
async def test_the_next_one_hears_all_of_it_again(
    ear: Recognisers, good: FakeEngines, spare: FakeEngines, interims: list[str], fault: str
) -> None:
    good.failing["stt"], good.deadlines["stt"] = fault, DEADLINE
    segment = heard(ear, SPEECH, MORE)
    assert await segment.text == "spare 0"
    assert spare.segments == [SPEECH + MORE]
    assert segment.used is not None
    assert (segment.used.model, segment.used.instead_of) == ("spare-stt", "good-stt")
    assert interims == ["spare"]


async def test_segments_behind_a_deadline_do_not_wait_for_another(
    ear: Recognisers, good: FakeEngines, spare: FakeEngines
) -> None:
    good.failing["stt"], good.deadlines["stt"] = "hang", DEADLINE
    segments = [heard(ear) for _ in range(3)]
    assert await asyncio.gather(*(one.text for one in segments)) == ["spare 0", "spare 1", "spare 2"]
    assert (await heard(ear).text, len(good.segments)) == ("spare 3", 3)


async def test_a_recogniser_that_breaks_in_mid_utterance_is_followed_at_once(
    ear: Recognisers, good: FakeEngines, spare: FakeEngines
) -> None:
    segment = ear.begin()
    ear.append(segment, SPEECH)
    await until(lambda: good.sockets)
    (socket,) = good.sockets
    await socket.close(1011)
    await until(lambda: spare.sockets)
    ear.append(segment, MORE)
    ear.finish(segment)
    assert await segment.text == "spare 0"
    assert spare.segments == [SPEECH + MORE]


async def test_when_all_fail_the_last_one_s_reason_is_told(
    ear: Recognisers, good: FakeEngines, spare: FakeEngines
) -> None:
    good.failing["stt"] = spare.failing["stt"] = "refuse"
    with pytest.raises(EngineError, match="broken"):
        await heard(ear).text
    del good.failing["stt"], spare.failing["stt"]
    assert await heard(ear).text == "good 0"


async def test_a_language_that_one_does_not_take_is_heard_by_another_from_then_on(
    ear: Recognisers, good: FakeEngines, spare: FakeEngines, clients: EngineClients
) -> None:
    good.languages = frozenset({"en"})
    ear.take(Hints("de"))
    assert await heard(ear).text == "spare 0"
    asked = len(good.segments)
    assert await heard(ear).text == "spare 1"
    assert len(good.segments) == asked
    assert clients.failover.standings("stt")[0].breaker == "closed"  # it works, in its language
    ear.take(Hints("en"))
    assert (await heard(ear).text).startswith("good")


async def test_a_swap_between_two_segments_moves_the_connection(
    ear: Recognisers, chain: FakeChain, good: FakeEngines, spare: FakeEngines, clients: EngineClients
) -> None:
    assert await heard(ear).text == "good 0"
    chain.members = [spare]
    await until(lambda: spare.sockets and not good.sockets)  # though nobody speaks: the old one can end
    assert await heard(ear).text == "spare 0"
    await until(lambda: clients.lines == 1)


async def test_a_swap_in_the_middle_of_a_segment_waits_for_its_end(
    ear: Recognisers, chain: FakeChain, good: FakeEngines, spare: FakeEngines
) -> None:
    first = ear.begin()
    ear.append(first, SPEECH)
    await until(lambda: good.sockets)
    chain.members = [spare]
    await asyncio.sleep(0.4)  # the swap has been seen
    assert good.sockets
    ear.append(first, MORE)
    ear.finish(first)
    second = heard(ear)
    assert (await first.text, await second.text) == ("good 0", "spare 0")
    assert good.segments == [SPEECH + MORE]
    await until(lambda: not good.sockets)


async def test_many_swaps_leave_one_connection(
    ear: Recognisers, chain: FakeChain, good: FakeEngines, spare: FakeEngines, clients: EngineClients
) -> None:
    for number in range(5):
        chain.members = [good if number % 2 else spare]
        chain.members[0].name = f"model-{number}"
        await heard(ear).text
    await until(lambda: len(good.sockets) + len(spare.sockets) == 1)
    await until(lambda: clients.lines == 1)
    await until(
        lambda: sorted(t.get_name() for t in asyncio.all_tasks() if t.get_name() in OURS) == [OURS[0]]
    )


async def test_it_goes_back_to_the_preferred_one_when_that_is_well(
    chain: FakeChain, good: FakeEngines, spare: FakeEngines
) -> None:
    clients = EngineClients(chain)
    ear = Recognisers(clients, Hints("en"), lambda segment: None)
    try:
        good.failing["stt"], good.deadlines["stt"] = "hang", 5 * DEADLINE  # a trial has a third of it
        assert await heard(ear).text == "spare 0"
        del good.failing["stt"]
        await until(lambda: clients.failover.standings("stt")[0].breaker == "half_open")
        assert await heard(ear).text == "good 0"
        assert clients.failover.standings("stt")[0].breaker == "closed"
        assert good.looks == 1
    finally:
        await ear.aclose()
        await clients.aclose()


async def test_what_is_dropped_is_not_heard_again(
    ear: Recognisers, good: FakeEngines, spare: FakeEngines
) -> None:
    good.failing["stt"], good.deadlines["stt"] = "hang", DEADLINE
    segment = ear.begin()
    ear.append(segment, SPEECH)
    segment.text.cancel()
    ear.finish(segment)
    await asyncio.sleep(0.4)
    assert spare.segments == []


async def test_a_recogniser_of_files_is_found_out_and_used_as_such(
    ear: Recognisers, chain: FakeChain, good: FakeEngines, spare: FakeEngines
) -> None:
    """One that comes while the session runs cannot be asked before."""
    spare.takes_streams = False
    chain.members = [spare]
    assert await heard(ear).text == "spare 0"
    assert spare.segments[0].startswith(b"RIFF")


async def test_the_end_of_the_session_ends_what_waits(clients: EngineClients, good: FakeEngines) -> None:
    good.failing["stt"] = "hang"
    ear = Recognisers(clients, Hints("en"), lambda segment: None)
    segment = heard(ear)
    await ear.aclose()
    assert isinstance(segment.text.exception(), EngineError)
