"""Chains: who is asked while the preferred engine loads, fails, or is somebody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from sottovoce.config import EngineKind, Settings, load
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.plan import External, Link
from sottovoce.processes.backoff import Backoff
from sottovoce.processes.outcome import HOPELESS_STARTS
from sottovoce.services import loading
from sottovoce.services.life import LOADING_INTERVAL, PROBE_INTERVAL, PROGRESS_INTERVAL
from sottovoce.services.loading import WARM_DEADLINE, load_deadline
from sottovoce.services.probe import HealthReply
from sottovoce.services.status import EngineStatus
from sottovoce.services.supervisor import Supervisor
from sottovoce.services.suspicion import SUSPICIONS, WINDOW
from tests.unit.processes.fakes import FakeClock, settle
from tests.unit.services.fake_children import LOADING, READY, SILENCE, FakeSystem

WARMING = HealthReply(status="warming")
MEMORY = 1_000_000_000


def a_model(name: str, memory: int = MEMORY) -> InstalledModel:
    facts = {"id": name, "kind": "tts", "engine": "sherpa-tts", "memory": memory}
    return InstalledModel(entry=ModelEntry.model_validate(facts))


KOKORO, PIPER, ESPEAK = a_model("kokoro"), a_model("piper"), EMBEDDED["tts"]


@asynccontextmanager
async def chain_of(
    system: FakeSystem, clock: FakeClock, *links: Link, settings: Settings | None = None
) -> AsyncIterator[Supervisor]:
    """A supervisor whose tts has these links."""
    chains: dict[EngineKind, Sequence[Link]] = {"tts": links}
    supervisor = Supervisor(
        settings or load({}, {}),
        kinds=["tts"],
        planned=lambda chosen: chains,
        spawn=system.spawn,
        probe=system.probe,
        external_probe=system.probe,
        clock=clock,
        measure=system.measure,
    )
    async with supervisor:
        await settle()
        yield supervisor
    assert system.running("tts") == []
    assert system.open_probes == 0


def asked(supervisor: Supervisor) -> list[str]:
    return [endpoint.model for endpoint in supervisor.chain("tts")]


def preferred(supervisor: Supervisor) -> EngineStatus:
    status = supervisor.status("tts").preferred
    assert status is not None
    return status


async def test_the_embedded_engine_answers_while_the_preferred_one_loads(
    system: FakeSystem, clock: FakeClock
) -> None:
    system.of_model["kokoro"] = LOADING
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        assert asked(supervisor) == ["espeak-ng"]
        assert (supervisor.status("tts").model, supervisor.status("tts").state) == ("espeak-ng", "ready")
        assert preferred(supervisor).state == "loading"
        system.of_model["kokoro"] = WARMING
        await clock.advance(LOADING_INTERVAL)
        assert preferred(supervisor).state == "warming"
        system.of_model["kokoro"] = READY
        await clock.advance(LOADING_INTERVAL)
        assert asked(supervisor) == ["kokoro", "espeak-ng"]
        assert supervisor.status("tts").preferred is None
        assert [status.model for status in supervisor.members("tts")] == ["kokoro", "espeak-ng"]


async def test_where_nobody_is_ready_those_that_load_are_asked(system: FakeSystem, clock: FakeClock) -> None:
    system.health["tts"] = LOADING
    async with chain_of(system, clock, KOKORO, PIPER, ESPEAK) as supervisor:
        assert asked(supervisor) == ["kokoro", "piper", "espeak-ng"]
        system.of_model["kokoro"] = HealthReply(status="failed", reason="broken")
        await clock.advance(10)
        assert supervisor.members("tts")[0].state == "failed"
        assert asked(supervisor) == ["piper", "espeak-ng"]


async def test_a_chain_of_one_that_failed_is_still_asked(system: FakeSystem, clock: FakeClock) -> None:
    system.health["tts"] = HealthReply(status="failed", reason="broken")
    async with chain_of(system, clock, KOKORO) as supervisor:
        await clock.advance(10)
        assert supervisor.status("tts").state == "failed"
        assert asked(supervisor) == ["kokoro"]


async def test_one_that_died_is_passed_over_until_it_is_back(system: FakeSystem, clock: FakeClock) -> None:
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        before = supervisor.endpoint("tts")
        system.child("kokoro").end(-9)
        await settle()
        assert asked(supervisor) == ["espeak-ng"]
        assert "SIGKILL (out of memory" in (preferred(supervisor).reason or "")
        await clock.advance(Backoff().first)
        assert supervisor.endpoint("tts") == before


async def test_one_that_is_silent_is_asked_last_until_it_is_known_to_hang(
    system: FakeSystem, clock: FakeClock
) -> None:
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        system.of_model["kokoro"] = SILENCE
        await clock.advance(PROBE_INTERVAL)
        assert asked(supervisor) == ["espeak-ng", "kokoro"]
        system.of_model["kokoro"] = READY
        await clock.advance(LOADING_INTERVAL)
        assert asked(supervisor) == ["kokoro", "espeak-ng"]
        system.of_model["kokoro"] = SILENCE
        await clock.advance(PROBE_INTERVAL + LOADING_INTERVAL)
        assert asked(supervisor) == ["espeak-ng"]


async def test_when_all_are_silent_it_is_us_who_were_busy(system: FakeSystem, clock: FakeClock) -> None:
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        system.health["tts"] = SILENCE
        await clock.advance(PROBE_INTERVAL)
        assert asked(supervisor) == ["kokoro", "espeak-ng"]


async def test_waiting_for_somebody_of_each_kind(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["kokoro"] = LOADING
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        await supervisor.wait_ready()


async def test_the_preferred_one_has_the_deadline_of_the_settings(
    system: FakeSystem, clock: FakeClock
) -> None:
    settings = load({"tts": {"deadline": 7.5}}, {})
    async with chain_of(system, clock, KOKORO, ESPEAK, settings=settings) as supervisor:
        assert [endpoint.deadline for endpoint in supervisor.chain("tts")] == [7.5, None]


async def test_an_engine_by_url_comes_first_and_the_one_here_behind_it(
    system: FakeSystem, clock: FakeClock
) -> None:
    settings = load({"tts": {"url": "http://10.0.0.5:9000/v1", "model": "far"}}, {})
    system.of_model["far"] = SILENCE
    async with chain_of(
        system, clock, External("tts", settings.tts), ESPEAK, settings=settings
    ) as supervisor:
        assert asked(supervisor) == ["espeak-ng"]
        assert (preferred(supervisor).state, preferred(supervisor).is_external) == ("failed", True)
        system.of_model["far"] = READY
        await clock.advance(5)
        assert asked(supervisor) == ["far", "espeak-ng"]


async def test_progress_is_told_by_the_growth_of_memory(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["kokoro"], system.memory = LOADING, 100_000_000
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        seen = []
        for memory in (100_000_000, 550_000_000, 300_000_000, 2_000_000_000):
            system.memory = memory
            await clock.advance(PROGRESS_INTERVAL + LOADING_INTERVAL)
            seen.append(preferred(supervisor).progress)
        assert seen == [0.0, 0.5, 0.5, loading.ALMOST]
        system.of_model["kokoro"] = WARMING
        await clock.advance(PROGRESS_INTERVAL + LOADING_INTERVAL)
        assert preferred(supervisor).progress is None
        system.of_model["kokoro"] = READY
        await clock.advance(LOADING_INTERVAL)
        status = supervisor.status("tts")
        assert (status.progress, status.memory_bytes) == (None, 2_000_000_000)
        assert status.load_seconds == pytest.approx(3.1, abs=LOADING_INTERVAL)


async def test_the_progress_of_what_holds_nothing_known_is_not_told(
    system: FakeSystem, clock: FakeClock
) -> None:
    system.of_model["tiny"] = LOADING
    async with chain_of(system, clock, a_model("tiny", memory=0), ESPEAK) as supervisor:
        await clock.advance(2)
        assert preferred(supervisor).progress is None


def test_a_large_model_may_load_for_longer() -> None:
    assert load_deadline(0) == loading.LOAD_DEADLINE
    assert load_deadline(5_000_000_000) == loading.LOAD_DEADLINE + 250


async def test_a_silent_child_may_be_loading_and_has_its_deadline(
    system: FakeSystem, clock: FakeClock
) -> None:
    system.of_model["kokoro"] = SILENCE
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        await clock.advance(loading.LOAD_DEADLINE - 1)
        assert preferred(supervisor).restarts == 0
        await clock.advance(1)
        assert preferred(supervisor).reason == "was not ready within 60 s"


async def test_warming_has_a_deadline_of_its_own(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["kokoro"] = LOADING
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        await clock.advance(loading.LOAD_DEADLINE - 1)
        system.of_model["kokoro"] = WARMING
        await clock.advance(WARM_DEADLINE - 1)
        assert preferred(supervisor).state == "warming"
        await clock.advance(2)
        assert preferred(supervisor).reason == f"was not ready within {WARM_DEADLINE:.0f} s"


async def test_a_model_that_fails_in_the_same_way_is_left_alone(system: FakeSystem, clock: FakeClock) -> None:
    system.of_model["kokoro"] = HealthReply(status="failed", reason="no 'n_speakers' in the metadata")
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        await clock.advance(3600)
        status = preferred(supervisor)
        assert status.state == "failed"
        assert (status.reason or "").startswith("gave up: no 'n_speakers' in the metadata")
        assert "when it is chosen anew" in (status.reason or "")
        spawned = system.models.count("kokoro")
        assert spawned == HOPELESS_STARTS
        assert asked(supervisor) == ["espeak-ng"]


async def test_failures_of_several_sorts_are_tried_on(system: FakeSystem, clock: FakeClock) -> None:
    async with chain_of(system, clock, KOKORO, ESPEAK):
        for attempt in range(HOPELESS_STARTS * 2):
            system.of_model["kokoro"] = HealthReply(status="failed", reason=f"trouble {attempt}")
            await clock.advance(Backoff().slow + 1)
        assert system.models.count("kokoro") > HOPELESS_STARTS


async def test_the_last_resort_is_never_left_alone(system: FakeSystem, clock: FakeClock) -> None:
    system.health["tts"] = HealthReply(status="failed", reason="the same")
    async with chain_of(system, clock, ESPEAK) as supervisor:
        await clock.advance(600)
        assert system.models.count("espeak-ng") > 20
        system.health["tts"] = READY
        await clock.advance(Backoff().slow)
        assert supervisor.status("tts").state == "ready"


async def test_an_engine_that_lets_deadlines_pass_is_ended(system: FakeSystem, clock: FakeClock) -> None:
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        endpoint = supervisor.endpoint("tts")
        for _ in range(SUSPICIONS - 1):
            supervisor.suspect(endpoint)
        await settle()
        assert asked(supervisor) == ["kokoro", "espeak-ng"]
        supervisor.suspect(endpoint)
        await settle()
        assert asked(supervisor) == ["espeak-ng"]
        assert preferred(supervisor).reason == "let its deadlines pass, although it seems well"
        await clock.advance(PROBE_INTERVAL)
        assert asked(supervisor) == ["kokoro", "espeak-ng"]


async def test_suspicions_that_are_far_between_are_forgotten(system: FakeSystem, clock: FakeClock) -> None:
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        for _ in range(SUSPICIONS * 2):
            supervisor.suspect(supervisor.endpoint("tts"))
            await clock.advance(WINDOW / (SUSPICIONS - 1) + 1)
        assert system.models.count("kokoro") == 1


async def test_one_that_still_loads_is_beyond_suspicion(system: FakeSystem, clock: FakeClock) -> None:
    system.health["tts"] = LOADING
    async with chain_of(system, clock, KOKORO, ESPEAK) as supervisor:
        for _ in range(SUSPICIONS * 2):
            supervisor.suspect(supervisor.endpoint("tts"))
        await settle()
        assert system.models.count("kokoro") == 1
