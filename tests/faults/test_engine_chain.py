"""Chains of real processes that die, hang and break, in use, while they load and while they are replaced:
somebody answers, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from sottovoce.config import EngineKind, load
from sottovoce.errors import EngineUnavailable
from sottovoce.models.entry import ModelEntry
from sottovoce.models.installed import EMBEDDED, InstalledModel
from sottovoce.models.plan import Link
from sottovoce.processes.outcome import HOPELESS_STARTS
from sottovoce.services.process import Spawner
from sottovoce.services.status import EngineStatus
from sottovoce.services.supervisor import Supervisor

TINY = Path(__file__).with_name("tiny_service.py")
ESPEAK = EMBEDDED["tts"]
NEXT_TURN = 3.0
"""Seconds after which somebody answers, whatever happened."""


def a_model(name: str) -> InstalledModel:
    facts = {"id": name, "kind": "tts", "engine": "sherpa-tts"}
    return InstalledModel(entry=ModelEntry.model_validate(facts))


GOOD, OTHER, PATIENT = a_model("good-1"), a_model("good-2"), a_model("patient-1")


Children = Callable[[], set[psutil.Process]]


@pytest.fixture(autouse=True)
def children() -> Iterator[Children]:
    """Those that a test has now. It leaves none behind, and no descriptor."""
    me = psutil.Process()
    others, before = set(me.children()), me.num_fds()  # other tests' browsers live on

    def own() -> set[psutil.Process]:
        return set(me.children()) - others

    yield own
    assert own() == set()
    assert me.num_fds() <= before + 1  # the loop of the next test may be there already


@asynccontextmanager
async def chain_of(home: Path, *links: Link) -> AsyncIterator[Supervisor]:
    """A supervisor whose tts has these links, each of which does as its model's name says."""
    spawner = Spawner({"SOTTOVOCE_HOME": str(home)}, (sys.executable, str(TINY), "model"))
    chains: dict[EngineKind, Sequence[Link]] = {"tts": links}
    supervisor = Supervisor(load({}, {}), kinds=["tts"], planned=lambda chosen: chains, spawn=spawner)
    async with supervisor:
        yield supervisor


def asked(supervisor: Supervisor) -> list[str]:
    return [endpoint.model for endpoint in supervisor.chain("tts")]


def member(supervisor: Supervisor, model: InstalledModel) -> EngineStatus:
    return next(one for one in supervisor.members("tts") if one.model == model.id)


async def until(supervisor: Supervisor, seen: Callable[[], bool], within: float = 15) -> None:
    async with asyncio.timeout(within):
        async for _ in supervisor.changes():
            if seen():
                return


async def all_ready(supervisor: Supervisor, *models: InstalledModel) -> None:
    ready = [(model.id, "ready") for model in models]
    await until(supervisor, lambda: [(one.model, one.state) for one in supervisor.members("tts")] == ready)


def pid_of(supervisor: Supervisor, model: InstalledModel) -> int:
    pid = member(supervisor, model).pid
    assert pid is not None
    return pid


async def counted(supervisor: Supervisor, to: int) -> list[str]:
    """What the engine that is preferred now streams."""
    url = f"{supervisor.endpoint('tts').url}/count?to={to}"
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return (await client.get(url)).text.split()


async def rest_of(counting: asyncio.Task[list[str]]) -> int:
    """How much came until the connection ended, politely or not."""
    try:
        return len(await counting)
    except httpx.HTTPError:
        return 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
async def test_the_next_one_answers_while_the_preferred_one_is_away(
    home: Path, number: signal.Signals
) -> None:
    async with chain_of(home, GOOD, ESPEAK) as supervisor:
        await all_ready(supervisor, GOOD, ESPEAK)
        first, address = pid_of(supervisor, GOOD), supervisor.endpoint("tts")
        os.kill(first, number)
        await until(supervisor, lambda: asked(supervisor)[0] == ESPEAK.id, within=NEXT_TURN)
        assert await counted(supervisor, 2) == ["0", "1"]
        await until(supervisor, lambda: member(supervisor, GOOD).restarts == 1)
        await all_ready(supervisor, GOOD, ESPEAK)
        assert supervisor.endpoint("tts") == address
        assert pid_of(supervisor, GOOD) != first


async def test_a_model_that_crashes_its_loader_is_left_alone_and_says_why(
    home: Path, children: Children
) -> None:
    broken = a_model("crash")
    async with chain_of(home, broken, ESPEAK) as supervisor:
        await until(supervisor, lambda: member(supervisor, broken).state == "failed")
        status = supervisor.status("tts")
        assert (status.model, status.state) == (ESPEAK.id, "ready")
        assert status.preferred is not None
        reason = status.preferred.reason or ""
        assert "bad or unsupported model file" in reason
        assert "offline-tts-kokoro-model.cc:Init:99 'n_speakers' does not exist" in reason
        assert member(supervisor, broken).restarts == HOPELESS_STARTS - 1
        assert len(children()) == 1


async def test_a_model_without_enough_memory_is_refused_in_its_words(home: Path) -> None:
    async with chain_of(home, GOOD, ESPEAK) as supervisor:
        await all_ready(supervisor, GOOD, ESPEAK)
        with pytest.raises(EngineUnavailable, match="The model hungry ended with status 1: MemoryError"):
            await supervisor.use("tts", a_model("hungry"))
        assert asked(supervisor) == [GOOD.id, ESPEAK.id]


async def test_a_model_that_crashes_its_loader_changes_nothing(home: Path, children: Children) -> None:
    async with chain_of(home, GOOD, ESPEAK) as supervisor:
        await all_ready(supervisor, GOOD, ESPEAK)
        pid, address = pid_of(supervisor, GOOD), supervisor.chain("tts")
        with pytest.raises(EngineUnavailable, match="bad or unsupported model file"):
            await supervisor.use("tts", a_model("crash"))
        assert (pid_of(supervisor, GOOD), supervisor.chain("tts")) == (pid, address)
        assert len(children()) == 2


async def test_a_request_outlives_the_swap_that_happens_meanwhile(home: Path) -> None:
    async with chain_of(home, GOOD, ESPEAK) as supervisor:
        await all_ready(supervisor, GOOD, ESPEAK)
        old = pid_of(supervisor, GOOD)
        counting = asyncio.create_task(counted(supervisor, 20))
        await supervisor.use("tts", OTHER)
        assert asked(supervisor) == [OTHER.id, ESPEAK.id]
        assert await counted(supervisor, 2) == ["0", "1"]
        assert psutil.pid_exists(old)
        assert member(supervisor, GOOD).state == "draining"
        assert not counting.done()
        assert await counting == [str(number) for number in range(20)]
        await until(supervisor, lambda: len(supervisor.members("tts")) == 2)
        assert not psutil.pid_exists(old)


async def test_an_old_engine_that_is_stopped_does_not_stay(home: Path) -> None:
    async with chain_of(home, GOOD, ESPEAK) as supervisor:
        await all_ready(supervisor, GOOD, ESPEAK)
        os.kill(pid_of(supervisor, GOOD), signal.SIGSTOP)
        await supervisor.use("tts", OTHER)
        await until(supervisor, lambda: len(supervisor.members("tts")) == 2)
        assert asked(supervisor) == [OTHER.id, ESPEAK.id]


async def test_a_cancelled_swap_leaves_no_child(home: Path, children: Children) -> None:
    async with chain_of(home, GOOD, ESPEAK) as supervisor:
        await all_ready(supervisor, GOOD, ESPEAK)
        using = asyncio.create_task(supervisor.use("tts", PATIENT))
        await until(supervisor, lambda: len(children()) == 3)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        assert len(children()) == 2
        assert asked(supervisor) == [GOOD.id, ESPEAK.id]


async def test_a_new_engine_that_is_killed_while_it_loads_changes_nothing(home: Path) -> None:
    async with chain_of(home, GOOD, ESPEAK) as supervisor:
        await all_ready(supervisor, GOOD, ESPEAK)
        using = asyncio.create_task(supervisor.use("tts", PATIENT))
        await until(supervisor, lambda: "patient-1" in map(_model, supervisor.members("tts")))
        await until(supervisor, lambda: member(supervisor, PATIENT).pid is not None)
        os.kill(pid_of(supervisor, PATIENT), signal.SIGKILL)
        with pytest.raises(EngineUnavailable, match=r"SIGKILL \(out of memory"):
            await using
        assert asked(supervisor) == [GOOD.id, ESPEAK.id]


async def test_leaving_in_the_middle_of_a_swap(home: Path, children: Children) -> None:
    async with chain_of(home, GOOD, ESPEAK) as supervisor:
        await all_ready(supervisor, GOOD, ESPEAK)
        counting = asyncio.create_task(counted(supervisor, 600))
        await supervisor.use("tts", OTHER)
        using = asyncio.create_task(supervisor.use("tts", PATIENT))
        await until(supervisor, lambda: len(children()) == 4)  # one of them drains
    assert children() == set()
    with pytest.raises(EngineUnavailable):
        await using
    assert await rest_of(counting) < 600


async def test_many_swaps_leave_neither_processes_nor_descriptors(home: Path, children: Children) -> None:
    me = psutil.Process()
    async with chain_of(home, GOOD, ESPEAK) as supervisor:
        await all_ready(supervisor, GOOD, ESPEAK)
        await until(supervisor, lambda: len(children()) == 2)
        before = me.num_fds()
        for model in (OTHER, GOOD, OTHER, GOOD):
            await supervisor.use("tts", model)
        await until(supervisor, lambda: len(supervisor.members("tts")) == 2)
        assert len(children()) == 2
        assert me.num_fds() <= before


def _model(status: EngineStatus) -> str:
    return status.model
