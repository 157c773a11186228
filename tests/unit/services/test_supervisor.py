"""The supervisor on scripted children and a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sottovoce.config import EngineEndpoint, Settings, load
from sottovoce.engines.llm.rules.responder import RulesResponder
from sottovoce.engines.stt.pocketsphinx import PocketsphinxTranscriber
from sottovoce.engines.tts.espeak import EspeakSynthesizer
from sottovoce.errors import ConfigError
from sottovoce.models.installed import EMBEDDED
from sottovoce.processes.backoff import Backoff
from sottovoce.services import life, loading
from sottovoce.services.external import external_endpoint
from sottovoce.services.probe import HealthReply
from sottovoce.services.status import EngineStatus
from sottovoce.services.supervisor import Supervisor
from tests.unit.processes.fakes import FakeClock, settle
from tests.unit.services.fake_children import LOADING, READY, SILENCE, FakeSystem


def supervise(system: FakeSystem, clock: FakeClock, settings: Settings | None = None) -> Supervisor:
    return Supervisor(
        settings or load({}, {}),
        spawn=system.spawn,
        probe=system.probe,
        external_probe=system.probe,
        clock=clock,
        measure=system.measure,
    )


@pytest.fixture
async def supervisor(system: FakeSystem, clock: FakeClock) -> AsyncIterator[Supervisor]:
    async with supervise(system, clock) as made:
        await settle()
        yield made
    assert system.open_probes == 0


async def test_engines_load_and_become_ready(system: FakeSystem, clock: FakeClock) -> None:
    system.health["stt"] = LOADING
    async with supervise(system, clock) as supervisor:
        assert {status.state for status in supervisor.statuses().values()} == {"loading"}
        await settle()
        assert [supervisor.status(kind).state for kind in ("stt", "llm", "tts")] == [
            "loading",
            "ready",
            "ready",
        ]
        system.health["stt"] = READY
        await clock.advance(life.LOADING_INTERVAL)
        status = supervisor.status("stt")
    assert status == EngineStatus(
        *("stt", "pocketsphinx", "ready"),
        pid=100,
        since=1_000_000.1,
        load_seconds=status.load_seconds,
        memory_bytes=50_000_000,
    )
    assert status.load_seconds == pytest.approx(0.1)


def test_each_engine_has_an_address_and_a_key_of_its_own(supervisor: Supervisor) -> None:
    endpoints = [supervisor.endpoint(kind) for kind in ("stt", "llm", "tts")]
    assert len({endpoint.url for endpoint in endpoints}) == 3
    assert len({endpoint.api_key for endpoint in endpoints}) == 3
    assert all(endpoint.url.startswith("http://127.0.0.1:") for endpoint in endpoints)
    assert all(endpoint.is_local for endpoint in endpoints)


def test_the_embedded_models_are_called_as_the_services_call_them() -> None:
    own = {"stt": PocketsphinxTranscriber.model, "llm": RulesResponder.model, "tts": EspeakSynthesizer.model}
    assert own == {kind: model.id for kind, model in EMBEDDED.items()}


async def test_an_exit_is_seen_at_once_and_the_address_stays(
    supervisor: Supervisor, system: FakeSystem, clock: FakeClock
) -> None:
    before = supervisor.endpoint("tts")
    system.children["tts"][0].end(-11)
    await settle()
    status = supervisor.status("tts")
    assert (status.state, status.reason, status.pid) == (
        "restarting",
        "was killed by SIGSEGV (a fault in the engine, or a damaged model file)",
        None,
    )
    await clock.advance(Backoff().first)
    status = supervisor.status("tts")
    assert (status.state, status.reason, status.pid, status.restarts) == ("ready", None, 103, 1)
    assert supervisor.endpoint("tts") == before
    assert supervisor.status("stt").restarts == 0


async def test_the_last_line_of_a_child_says_why_it_ended(supervisor: Supervisor, system: FakeSystem) -> None:
    child = system.children["llm"][0]
    child.last_words = "there is no such model"
    child.end(2)
    await settle()
    assert supervisor.status("llm").reason == "ended with status 2: there is no such model"


async def test_a_hang_is_killed_after_two_missed_looks(
    supervisor: Supervisor, system: FakeSystem, clock: FakeClock
) -> None:
    system.health["stt"] = SILENCE
    await clock.advance(life.PROBE_INTERVAL)
    assert supervisor.status("stt").state == "ready"
    await clock.advance(life.LOADING_INTERVAL)
    assert supervisor.status("stt").state == "restarting"
    assert supervisor.status("stt").reason == "hangs: it did not answer in time"
    assert system.children["stt"][0].signals == ["kill"]


async def test_one_missed_look_is_forgiven(
    supervisor: Supervisor, system: FakeSystem, clock: FakeClock
) -> None:
    for _ in range(3):
        system.health["stt"] = SILENCE
        await clock.advance(life.PROBE_INTERVAL)
        system.health["stt"] = READY
        await clock.advance(life.LOADING_INTERVAL)
    assert supervisor.status("stt").state == "ready"
    assert len(system.children["stt"]) == 1


async def test_a_child_that_never_gets_ready_is_tried_again(
    supervisor: Supervisor, system: FakeSystem, clock: FakeClock
) -> None:
    system.health["llm"] = LOADING
    system.children["llm"][0].end(1)
    await clock.advance(1.0)
    assert supervisor.status("llm").state == "restarting"
    await clock.advance(loading.LOAD_DEADLINE)
    assert supervisor.status("llm").reason == "was not ready within 60 s"
    assert system.children["llm"][1].signals == ["kill"]


async def test_a_child_that_never_answers_is_tried_again(system: FakeSystem, clock: FakeClock) -> None:
    system.health["llm"] = SILENCE
    async with supervise(system, clock) as supervisor:
        await clock.advance(loading.LOAD_DEADLINE - 1)
        assert supervisor.status("llm").state == "loading"
        await clock.advance(2)
        assert supervisor.status("llm").reason == "was not ready within 60 s"


async def test_a_child_that_gives_up_is_started_again_with_its_reason(
    supervisor: Supervisor, system: FakeSystem, clock: FakeClock
) -> None:
    system.health["tts"] = HealthReply(status="failed", reason="espeak-ng is missing")
    await clock.advance(life.PROBE_INTERVAL)
    assert supervisor.status("tts").reason == "gave up: espeak-ng is missing"
    assert system.children["tts"][0].signals == ["kill"]


async def test_a_service_that_loads_again_is_shown_so_and_left_alone(
    supervisor: Supervisor, system: FakeSystem, clock: FakeClock
) -> None:
    system.health["stt"] = LOADING
    await clock.advance(life.PROBE_INTERVAL)
    assert supervisor.status("stt").state == "restarting"
    system.health["stt"] = READY
    await clock.advance(life.LOADING_INTERVAL)
    assert supervisor.status("stt").state == "ready"
    assert len(system.children["stt"]) == 1


async def test_too_many_quick_failures_are_a_failure_but_tries_go_on(
    supervisor: Supervisor, system: FakeSystem, clock: FakeClock
) -> None:
    backoff = Backoff()
    for attempt in range(backoff.patience):
        assert supervisor.status("tts").state == "ready"
        assert len(system.children["tts"]) == attempt + 1
        system.children["tts"][-1].end(1)
        await settle()
        await clock.advance(backoff.longest)
    status = supervisor.status("tts")
    assert (status.state, status.reason) == ("failed", "ended with status 1")
    await clock.advance(backoff.slow)
    assert supervisor.status("tts").state == "ready"
    assert supervisor.status("tts").restarts == backoff.patience


async def test_a_child_that_stood_for_long_is_restarted_quickly(
    supervisor: Supervisor, system: FakeSystem, clock: FakeClock
) -> None:
    backoff = Backoff()
    for _ in range(backoff.patience + 2):
        await clock.advance(backoff.stable_after)
        system.children["tts"][-1].end(1)
        await clock.advance(backoff.first)
        assert supervisor.status("tts").state == "ready"


async def test_a_program_that_cannot_be_started_is_a_reason(system: FakeSystem, clock: FakeClock) -> None:
    system.spawn_error = OSError("no memory")
    async with supervise(system, clock) as supervisor:
        await settle()
        assert supervisor.status("stt").reason == "cannot be started: no memory"
        system.spawn_error = None
        await clock.advance(Backoff().first)
        assert supervisor.status("stt").state == "ready"


async def test_leaving_stops_every_child_politely(system: FakeSystem, clock: FakeClock) -> None:
    async with supervise(system, clock):
        await settle()
    signals = [child.signals for children in system.children.values() for child in children]
    assert signals == [["stop", "kill"]] * 3


async def test_a_child_that_still_loads_is_not_waited_for(system: FakeSystem, clock: FakeClock) -> None:
    system.health["stt"] = LOADING
    async with supervise(system, clock):
        await settle()
    assert system.children["stt"][0].signals == ["kill"]
    assert system.children["llm"][0].signals == ["stop", "kill"]


async def test_leaving_while_a_child_waits_to_be_restarted(
    supervisor: Supervisor, system: FakeSystem, clock: FakeClock
) -> None:
    system.children["tts"][0].end(1)
    await settle()
    await supervisor.aclose()
    await clock.advance(100)
    assert len(system.children["tts"]) == 1


async def test_changes_are_announced_and_a_slow_reader_gets_the_newest(
    supervisor: Supervisor, system: FakeSystem, clock: FakeClock
) -> None:
    changes = supervisor.changes()
    assert (await anext(changes))["tts"].state == "ready"
    system.children["tts"][0].end(1)
    await clock.advance(1)
    newest = await anext(changes)
    assert (newest["tts"].state, newest["tts"].restarts) == ("ready", 1)
    waiting = asyncio.ensure_future(anext(changes))
    await settle()
    assert not waiting.done()
    system.children["stt"][0].end(1)
    assert (await waiting)["stt"].state == "restarting"
    await changes.aclose()  # type: ignore[attr-defined]


async def test_waiting_for_all_engines(system: FakeSystem, clock: FakeClock) -> None:
    system.health["llm"] = LOADING
    async with supervise(system, clock) as supervisor:
        waiting = asyncio.ensure_future(supervisor.wait_ready())
        await settle()
        assert not waiting.done()
        system.health["llm"] = READY
        await clock.advance(1)
        await waiting


def external(**llm: str) -> Settings:
    return load({"llm": {"url": "http://10.0.0.5:9000/v1/", "fallbacks": (), **llm}}, {})


async def test_an_engine_by_url_is_watched_but_never_started(system: FakeSystem, clock: FakeClock) -> None:
    system.health["llm"] = SILENCE
    async with supervise(system, clock, external(model="qwen", api_key="k" * 20)) as supervisor:
        await settle()
        status = supervisor.status("llm")
        assert (status.state, status.reason, status.pid) == ("failed", "it did not answer in time", None)
        assert not status.is_local
        system.health["llm"] = READY
        await clock.advance(5)
        assert supervisor.status("llm").state == "ready"
        assert system.children["llm"] == []
        assert len(system.keys) == 2
    assert system.open_probes == 0


def test_the_endpoint_of_an_engine_by_url() -> None:
    given = external_endpoint("llm", external(model="qwen", api_key="k" * 20).llm)
    assert given == EngineEndpoint("llm", "http://10.0.0.5:9000/v1", "k" * 20, "qwen", is_local=False)
    assert external_endpoint("llm", external().llm).model == "default"


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http://localhost:1/v1", True),
        ("http://127.0.0.9:1/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://192.168.1.5:1/v1", False),
        ("https://api.example.com/v1", False),
    ],
)
def test_only_loopback_counts_as_this_machine(url: str, is_local: bool) -> None:
    assert external_endpoint("tts", load({"tts": {"url": url}}, {}).tts).is_local is is_local


def test_a_bad_url_is_a_setting_that_is_named() -> None:
    with pytest.raises(ConfigError, match="SOTTOVOCE_TTS_URL"):
        load({"tts": {"url": "nowhere"}}, {})
