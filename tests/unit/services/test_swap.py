"""Swaps: the new engine comes beside the old one, or not at all; the old one ends with what it has begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from sottovoce.config import EngineKind, load
from sottovoce.errors import EngineUnavailable
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.plan import External, Link
from sottovoce.processes.outcome import HOPELESS_STARTS
from sottovoce.services.chain import DRAIN_DEADLINE
from sottovoce.services.keeper import IDLE_LOOKS
from sottovoce.services.life import LOADING_INTERVAL, PROBE_INTERVAL
from sottovoce.services.memory import FreeMemory
from sottovoce.services.probe import HealthReply
from sottovoce.services.supervisor import Supervisor
from sottovoce.services.swap import RESERVE_BYTES, SHORT_DRAIN
from tests.unit.processes.fakes import FakeClock, settle
from tests.unit.services.fake_children import LOADING, READY, FakeSystem

MEMORY = 1_000_000_000
BUSY = HealthReply(status="ready", busy=1)
BROKEN = HealthReply(status="failed", reason="no tokens.txt")
DRAINED = PROBE_INTERVAL * (IDLE_LOOKS + 1)
"""Seconds after which one with nothing to do is gone."""


def a_model(name: str) -> InstalledModel:
    facts = {"id": name, "kind": "tts", "engine": "sherpa-tts", "memory": MEMORY}
    return InstalledModel(entry=ModelEntry.model_validate(facts))


OLD, NEW, OTHER, ESPEAK = a_model("old"), a_model("new"), a_model("other"), EMBEDDED["tts"]


def memory_of(free: int) -> FreeMemory:
    async def free_memory() -> int:
        return free

    return free_memory


@asynccontextmanager
async def chain_of(
    system: FakeSystem,
    clock: FakeClock,
    *links: Link,
    free: int = 10 * MEMORY,
    planned: Sequence[Link] | None = None,
) -> AsyncIterator[Supervisor]:
    """A supervisor whose tts has these links, or the `planned` ones, which a test may change; on a machine
    with `free` bytes."""
    chains: dict[EngineKind, Sequence[Link]] = {"tts": links if planned is None else planned}
    supervisor = Supervisor(
        load({}, {}),
        kinds=["tts"],
        planned=lambda chosen: chains,
        spawn=system.spawn,
        probe=system.probe,
        external_probe=system.probe,
        clock=clock,
        measure=system.measure,
        free_memory=memory_of(free),
    )
    async with supervisor:
        await settle()
        yield supervisor
    assert system.running("tts") == []
    assert system.open_probes == 0
    assert len(asyncio.all_tasks()) == 1


def asked(supervisor: Supervisor) -> list[str]:
    return [endpoint.model for endpoint in supervisor.chain("tts")]


async def begun(supervisor: Supervisor, model: InstalledModel | None) -> asyncio.Task[None]:
    """A swap that is under way, as far as it gets without time passing."""
    return await begun_by(supervisor, "tts", model or ESPEAK)


async def begun_by(supervisor: Supervisor, kind: EngineKind, model: InstalledModel) -> asyncio.Task[None]:
    swaps = supervisor._swaps[kind]
    before, using = swaps._run, asyncio.create_task(supervisor.use(kind, model))
    async with asyncio.timeout(5):  # the plan is read in a thread, which the test's clock does not move
        while not using.done() and (swaps._run is before or swaps._run is None):
            await asyncio.sleep(0)
            if before is not None and before.waiting > 1:
                break  # it waits for the one that is under way
    await settle()
    return using


async def test_who_stands_behind_it_is_who_would_if_it_had_been_chosen(
    system: FakeSystem, clock: FakeClock
) -> None:
    async with chain_of(system, clock, ESPEAK) as supervisor:
        supervisor._planned = lambda chosen: {"tts": (chosen["tts"], OLD, ESPEAK)}
        await (await begun(supervisor, NEW))
        await settle()
        assert asked(supervisor) == [NEW.id, OLD.id, ESPEAK.id]


async def test_the_new_one_takes_its_place_when_it_is_ready(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["new"] = LOADING
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        before = supervisor.chain("tts")
        using = await begun(supervisor, NEW)
        await clock.advance(5)
        assert not using.done()
        assert supervisor.chain("tts") == before
        status = supervisor.status("tts")
        assert (status.model, status.state) == ("old", "ready")
        assert status.preferred is not None
        assert (status.preferred.model, status.preferred.state) == ("new", "loading")
        assert [one.model for one in supervisor.members("tts")] == ["new", "old", "espeak-ng"]
        system.of_model["new"] = READY
        await clock.advance(LOADING_INTERVAL)
        await using
        assert asked(supervisor) == ["new", "espeak-ng"]
        assert supervisor.status("tts").preferred is None
        await clock.advance(DRAINED)
        assert sorted(system.running("tts")) == ["espeak-ng", "new"]
        assert system.child("old").signals == ["stop", "kill"]


async def test_the_old_one_ends_with_what_it_has_begun(system: FakeSystem, clock: FakeClock) -> None:
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        system.of_model["old"] = BUSY
        await clock.advance(PROBE_INTERVAL)
        await (await begun(supervisor, NEW))
        await clock.advance(DRAIN_DEADLINE / 2)
        assert "old" in system.running("tts")
        assert supervisor.members("tts")[-1].state == "draining"
        assert asked(supervisor) == ["new", "espeak-ng"]
        system.of_model["old"] = READY
        await clock.advance(DRAINED)
        assert "old" not in system.running("tts")


async def test_nothing_is_open_for_ever(system: FakeSystem, clock: FakeClock) -> None:
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        system.of_model["old"] = BUSY
        await clock.advance(PROBE_INTERVAL)
        await (await begun(supervisor, NEW))
        await clock.advance(DRAIN_DEADLINE - 1)
        assert "old" in system.running("tts")
        await clock.advance(2)
        assert "old" not in system.running("tts")


async def test_one_that_dies_while_it_drains_is_not_started_again(
    system: FakeSystem, clock: FakeClock
) -> None:
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        system.of_model["old"] = BUSY
        await (await begun(supervisor, NEW))
        system.child("old").end(-9)
        await clock.advance(60)
        assert system.models.count("old") == 1
        assert [one.model for one in supervisor.members("tts")] == ["new", "espeak-ng"]


async def test_a_model_that_cannot_be_loaded_changes_nothing(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["new"] = BROKEN
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        before = supervisor.chain("tts")
        with pytest.raises(EngineUnavailable, match=r"The model new gave up: no tokens\.txt") as refused:
            await (await begun(supervisor, NEW))
        assert (refused.value.code, refused.value.engine) == ("model_failed", "tts")
        assert supervisor.chain("tts") == before
        assert supervisor.status("tts").preferred is None
        await clock.advance(60)
        assert system.models.count("new") == 1
        assert sorted(system.running("tts")) == ["espeak-ng", "old"]


async def test_a_model_that_kills_its_process_is_refused_in_words(
    system: FakeSystem, clock: FakeClock
) -> None:
    system.of_model["new"] = LOADING
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        using = await begun(supervisor, NEW)
        system.child("new").last_words = "kokoro.cc:Init:12 no n_speakers"
        system.child("new").end(255)
        with pytest.raises(EngineUnavailable, match=r"bad or unsupported model file\): kokoro\.cc:Init:12"):
            await using
        assert asked(supervisor) == ["old", "espeak-ng"]


async def test_cancelling_a_swap_ends_its_child(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["new"] = LOADING
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        using = await begun(supervisor, NEW)
        assert "new" in system.running("tts")
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        assert sorted(system.running("tts")) == ["espeak-ng", "old"]
        assert asked(supervisor) == ["old", "espeak-ng"]


async def test_the_last_choice_wins(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["new"] = system.of_model["other"] = LOADING
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        first = await begun(supervisor, NEW)
        second = await begun(supervisor, OTHER)
        with pytest.raises(EngineUnavailable, match="another one was chosen") as refused:
            await first
        assert refused.value.code == "superseded"
        assert "new" not in system.running("tts")
        system.of_model["other"] = READY
        await clock.advance(LOADING_INTERVAL)
        await second
        assert asked(supervisor) == ["other", "espeak-ng"]


async def test_the_same_choice_twice_loads_once(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["new"] = LOADING
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        first, second = await begun(supervisor, NEW), await begun(supervisor, NEW)
        first.cancel()
        await settle()
        system.of_model["new"] = READY
        await clock.advance(LOADING_INTERVAL)
        await second
        assert system.models.count("new") == 1
        assert asked(supervisor) == ["new", "espeak-ng"]


async def test_leaving_in_the_middle_of_a_swap(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["new"] = LOADING
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        using = await begun(supervisor, NEW)
    assert system.child("new").signals == ["kill"]
    with pytest.raises(EngineUnavailable):
        await using


async def test_the_embedded_one_alone_is_swapped_and_stays_behind(
    system: FakeSystem, clock: FakeClock
) -> None:
    async with chain_of(system, clock, ESPEAK) as supervisor:
        await (await begun(supervisor, NEW))
        await clock.advance(DRAINED)
        assert asked(supervisor) == ["new", "espeak-ng"]
        assert system.models.count("espeak-ng") == 1


async def test_choosing_the_embedded_one_ends_the_others(system: FakeSystem, clock: FakeClock) -> None:
    async with chain_of(system, clock, OLD, OTHER, ESPEAK) as supervisor:
        await (await begun(supervisor, None))
        assert asked(supervisor) == ["espeak-ng"]
        await clock.advance(DRAINED)
        assert system.running("tts") == ["espeak-ng"]


async def test_a_fallback_that_is_chosen_is_not_loaded_again(system: FakeSystem, clock: FakeClock) -> None:
    async with chain_of(system, clock, OLD, OTHER, ESPEAK) as supervisor:
        await (await begun(supervisor, OTHER))
        assert asked(supervisor) == ["other", "espeak-ng"]
        await clock.advance(DRAINED)
        assert system.models.count("other") == 1
        assert sorted(system.running("tts")) == ["espeak-ng", "other"]
        await (await begun(supervisor, NEW))
        await clock.advance(DRAINED)
        assert sorted(system.running("tts")) == ["espeak-ng", "new", "other"]
        assert asked(supervisor) == ["new", "other", "espeak-ng"]


async def test_a_model_that_comes_later_stands_by(system: FakeSystem, clock: FakeClock) -> None:
    links: list[Link] = [OLD, ESPEAK]
    async with chain_of(system, clock, planned=links) as supervisor:
        links.insert(1, OTHER)
        await supervisor.stand_by("tts")
        await clock.advance(LOADING_INTERVAL)
        assert asked(supervisor) == ["old", "other", "espeak-ng"]
        assert system.models.count("old") == 1
        links.remove(OTHER)
        await supervisor.stand_by("tts")
        await clock.advance(DRAINED)
        assert sorted(system.running("tts")) == ["espeak-ng", "old"]


async def test_nobody_stands_by_for_a_model_that_is_not_in_use(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["new"] = LOADING
    links: list[Link] = [ESPEAK, OTHER]
    async with chain_of(system, clock, planned=links) as supervisor:
        await supervisor.stand_by("tts")
        using = await begun(supervisor, NEW)
        await supervisor.stand_by("tts")  # the swap goes on
        system.of_model["new"] = READY
        await clock.advance(LOADING_INTERVAL)
        await using
        assert asked(supervisor)[0] == "new"


async def test_choosing_what_is_in_use_does_nothing(system: FakeSystem, clock: FakeClock) -> None:
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        await (await begun(supervisor, OLD))
        await clock.advance(DRAINED)
        assert system.models == ["espeak-ng", "old"]


async def test_one_that_was_left_alone_is_tried_when_it_is_chosen(
    system: FakeSystem, clock: FakeClock
) -> None:
    system.of_model["old"] = BROKEN
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        await clock.advance(3600)
        assert system.models.count("old") == HOPELESS_STARTS
        with pytest.raises(EngineUnavailable, match=r"no tokens\.txt"):
            await (await begun(supervisor, OLD))
        system.of_model["old"] = READY
        await (await begun(supervisor, OLD))
        assert asked(supervisor) == ["old", "espeak-ng"]


async def test_an_engine_by_url_stays_the_first(system: FakeSystem, clock: FakeClock) -> None:
    far = External("tts", load({"tts": {"url": "http://10.0.0.5:9000/v1", "model": "far"}}, {}).tts)
    async with chain_of(system, clock, far, ESPEAK) as supervisor:
        await (await begun(supervisor, NEW))
        assert asked(supervisor) == ["far", "new", "espeak-ng"]


async def test_where_both_have_no_room_the_old_one_goes_first(system: FakeSystem, clock: FakeClock) -> None:
    system.memory = MEMORY
    system.of_model["new"] = LOADING
    free = RESERVE_BYTES + MEMORY // 2
    async with chain_of(system, clock, OLD, ESPEAK, free=free) as supervisor:
        using = await begun(supervisor, NEW)
        assert asked(supervisor) == ["espeak-ng"]
        assert "new" not in system.running("tts")
        await clock.advance(DRAINED)
        assert sorted(system.running("tts")) == ["espeak-ng", "new"]
        status = supervisor.status("tts")
        assert status.preferred is not None
        assert status.preferred.model == "new"
        system.of_model["new"] = READY
        await clock.advance(LOADING_INTERVAL)
        await using
        assert asked(supervisor) == ["new", "espeak-ng"]


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_the_old_one_comes_back_if_the_new_one_fails(
    system: FakeSystem, clock: FakeClock, is_cancelled: bool
) -> None:
    system.memory = MEMORY
    system.of_model["new"] = LOADING
    async with chain_of(system, clock, OLD, ESPEAK, free=MEMORY) as supervisor:
        using = await begun(supervisor, NEW)
        await clock.advance(DRAINED)
        if is_cancelled:
            using.cancel()
        else:
            system.child("new").end(255)
        await settle()
        with pytest.raises(asyncio.CancelledError if is_cancelled else EngineUnavailable):
            await using
        await clock.advance(LOADING_INTERVAL)
        assert asked(supervisor) == ["old", "espeak-ng"]
        assert sorted(system.running("tts")) == ["espeak-ng", "old"]


async def test_the_end_of_the_server_waits_for_no_swap_that_is_undone(
    system: FakeSystem, clock: FakeClock
) -> None:
    system.memory = MEMORY
    system.of_model["old"] = BUSY
    async with chain_of(system, clock, OLD, ESPEAK, free=MEMORY) as supervisor:
        using = await begun(supervisor, NEW)
        using.cancel()
        await settle()
        assert not using.done()  # what comes back has to wait until the busy one has gone
        async with asyncio.timeout(5):
            await supervisor.aclose()
            await asyncio.wait({using})
        assert system.models.count("old") == 1


async def test_a_swap_that_the_end_of_the_server_cuts_off_says_so(
    system: FakeSystem, clock: FakeClock
) -> None:
    system.of_model["new"] = LOADING
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        using = await begun(supervisor, NEW)
        await supervisor.aclose()
        with pytest.raises(EngineUnavailable, match="The server is ending"):
            await using


async def test_a_busy_engine_does_not_keep_its_memory_for_long(system: FakeSystem, clock: FakeClock) -> None:
    system.memory = MEMORY
    system.of_model["old"] = BUSY
    async with chain_of(system, clock, OLD, ESPEAK, free=MEMORY) as supervisor:
        using = await begun(supervisor, NEW)
        await clock.advance(SHORT_DRAIN - 1)
        assert "new" not in system.running("tts")
        await clock.advance(2)
        await using
        assert sorted(system.running("tts")) == ["espeak-ng", "new"]


async def test_a_chain_without_fallback_is_never_empty(system: FakeSystem, clock: FakeClock) -> None:
    system.memory = MEMORY
    system.of_model["new"] = LOADING
    async with chain_of(system, clock, OLD, free=MEMORY) as supervisor:
        using = await begun(supervisor, NEW)
        assert asked(supervisor) == ["new"]
        await clock.advance(DRAINED)
        system.child("new").end(255)
        with pytest.raises(EngineUnavailable):
            await using
        await clock.advance(LOADING_INTERVAL)
        assert asked(supervisor) == ["old"]


async def test_a_model_for_which_there_is_no_memory_is_refused(system: FakeSystem, clock: FakeClock) -> None:
    system.memory = 0
    async with chain_of(system, clock, OLD, ESPEAK, free=MEMORY // 2) as supervisor:
        with pytest.raises(
            EngineUnavailable, match=r"needs 1\.0 GB of memory, and 2\d\d\.\d MB can be"
        ) as no:
            await (await begun(supervisor, NEW))
        assert no.value.code == "out_of_memory"
        assert system.models.count("new") == 0
        assert asked(supervisor) == ["old", "espeak-ng"]
        await (await begun(supervisor, None))  # the embedded one always fits
        assert asked(supervisor) == ["espeak-ng"]


async def test_what_comes_for_other_kinds_has_its_memory_already(
    system: FakeSystem, clock: FakeClock
) -> None:
    system.memory = 0
    ear = InstalledModel(entry=NEW.entry.model_copy(update={"id": "ear", "kind": "stt"}))
    system.of_model["ear"] = LOADING
    chains: dict[EngineKind, Sequence[Link]] = {"tts": [ESPEAK], "stt": [EMBEDDED["stt"]]}
    supervisor = Supervisor(
        load({}, {}),
        kinds=["stt", "tts"],
        planned=lambda chosen: chains,
        spawn=system.spawn,
        probe=system.probe,
        clock=clock,
        measure=system.measure,
        free_memory=memory_of(RESERVE_BYTES + MEMORY * 3 // 2),
    )
    async with supervisor:
        await settle()
        hearing = await begun_by(supervisor, "stt", ear)
        with pytest.raises(EngineUnavailable, match="can be had"):
            await supervisor.use("tts", NEW)
        hearing.cancel()
        await asyncio.wait({hearing})


async def test_the_states_of_the_engine_room(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["new"] = LOADING
    async with chain_of(system, clock, OLD, ESPEAK) as supervisor:
        using = await begun(supervisor, NEW)
        told = [(one.model, one.state, one.is_preferred) for one in supervisor.states()]
        assert told == [("new", "loading", False), ("old", "ready", True), ("espeak-ng", "ready", False)]
        using.cancel()
        await asyncio.wait({using})
