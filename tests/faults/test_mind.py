"""llama.cpp killed, stopped, starved, fed with broken files: the service says why, and goes on if it can."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from sottovoce.models.installed import InstalledModel
from sottovoce.services.llama.keeping import MAX_SHORT_LIVES
from tests import llama_server
from tests.made_models.gguf import REPLY, Script, scripted
from tests.mind_service import CHAT, MindService, gguf

BACK_WITHIN = 3.0
"""Seconds, and what loading takes, which for these models is next to nothing."""
LOAD = 2.0
GONE_WITHIN = 2.0
HELLO = {"messages": [{"role": "user", "content": "hello"}]}

Start = Callable[..., MindService]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts services and ends them, when none may leave a process behind."""
    started: list[MindService] = []
    families: list[psutil.Process] = []

    def run(model: InstalledModel, **settings: object) -> MindService:
        given = {"llm_server": "built-in", "llm_context": "512", **settings}
        given = {name: value for name, value in given.items() if value is not None}
        service = MindService(model, tmp_path, **given)  # type: ignore[arg-type]
        started.append(service)
        return service

    yield run
    for service in started:
        if service.process.poll() is None:
            families += psutil.Process(service.process.pid).children(recursive=True)
        service.stop()
    assert not psutil.wait_procs(families, GONE_WITHIN)[1]


@pytest.fixture
def model(tmp_path: Path) -> InstalledModel:
    return gguf(scripted(tmp_path / "scripted.gguf"))


def says(service: MindService) -> str:
    content: str = service.http.post(CHAT, json=HELLO).json()["choices"][0]["message"]["content"]
    return content


def damaged(model: InstalledModel, damage: str) -> InstalledModel:
    assert model.path is not None
    content = bytearray(model.path.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "magic":
        content[0] ^= 1
    elif damage == "metadata":
        content[40] ^= 0x10
    elif damage == "count":
        content[9] ^= 0xFF
    model.path.write_bytes(content if damage != "empty" else b"")
    return model


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("truncated", "corrupted or incomplete"),
        ("magic", "magic"),
        ("metadata", "architecture"),
        ("count", "string length"),
        ("empty", "cannot be loaded"),
    ],
)
def test_a_damaged_file_is_told(start: Start, model: InstalledModel, damage: str, reason: str) -> None:
    service = start(damaged(model, damage))
    state = service.settle()
    assert state["status"] == "failed"
    assert reason in str(state["reason"])
    assert "the model cannot be loaded" in str(state["reason"])
    refused = service.http.post(CHAT, json=HELLO)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "engine_unavailable")
    assert reason in refused.json()["error"]["message"]
    assert not psutil.Process(service.process.pid).children()


def test_a_model_that_is_gone_is_told(start: Start, tmp_path: Path) -> None:
    state = start(gguf(tmp_path / "none.gguf")).settle()
    assert (state["status"], state["reason"]) == ("failed", f"{tmp_path / 'none.gguf'} is no file.")


def test_too_little_memory_is_told(start: Start, tmp_path: Path) -> None:
    """The context of a million tokens does not fit into what is left to the process."""

    def starve() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))

    model = gguf(scripted(tmp_path / "large.gguf", Script(context=1 << 20)))
    state = start(model, llm_context=str(1 << 20), llm_parallel="8", prepare=starve).settle()
    assert state["status"] == "failed"
    assert "need more memory than there is" in str(state["reason"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
def test_a_reply_that_loses_its_engine_breaks_off_and_the_next_one_works(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    endless = scripted(tmp_path / "endless.gguf", Script(is_endless=True, context=1 << 20))
    service = start(gguf(endless), llm_context="500000").ready()
    lost = service.llama()
    with service.http.stream("POST", CHAT, json={**HELLO, "stream": True, "max_tokens": 400_000}) as reply:
        pieces = reply.iter_bytes()
        next(pieces)
        lost.send_signal(number)
        began = time.monotonic()
        with pytest.raises(httpx.RemoteProtocolError):
            for _ in pieces:
                pass
    after = service.http.post(CHAT, json={**HELLO, "max_tokens": 3})
    assert after.status_code == 200, after.text
    assert time.monotonic() - began < BACK_WITHIN + LOAD
    assert not psutil.pid_exists(lost.pid)
    assert service.llama().pid != lost.pid


def test_an_engine_that_ends_again_and_again_is_given_up(start: Start, model: InstalledModel) -> None:
    service = start(model)
    for _ in range(MAX_SHORT_LIVES + 1):
        lost = service.ready().llama()
        lost.kill()
        psutil.wait_procs([lost], GONE_WITHIN)
        while service.state()["status"] == "ready":
            time.sleep(0.01)
    state = service.settle()
    assert state["status"] == "failed"
    assert "again and again" in str(state["reason"])


@pytest.mark.parametrize("backend", ["built-in", "llama-server"])
def test_llama_goes_when_its_service_is_killed(
    start: Start, model: InstalledModel, tmp_path: Path, backend: str
) -> None:
    program = backend if backend == "built-in" else str(llama_server.install(tmp_path))
    service = start(model, llm_server=program).ready()
    assert says(service) == REPLY
    llama = service.llama()
    service.process.kill()
    service.process.wait()
    assert not psutil.wait_procs([llama], GONE_WITHIN)[1]


def test_an_old_llama_server_is_passed_over_unless_it_was_asked_for(
    start: Start, model: InstalledModel, tmp_path: Path
) -> None:
    program = llama_server.install(tmp_path, lacks="--parallel")
    named = start(model, llm_server=str(program)).settle()
    assert (named["status"], named["reason"]) == (
        "failed",
        f"{program} cannot be used: it knows no --parallel.",
    )
    found = start(model, llm_server=None, path=f"{tmp_path}:{os.environ['PATH']}").ready()
    assert found.http.get(f"/v1/models/{model.id}").json()["backend"] == "built-in"
    missing = start(model, llm_server=str(tmp_path / "nothing")).settle()
    assert "is no program that can be run here" in str(missing["reason"])


def test_a_gpu_that_is_insisted_on_and_not_there_is_told(
    start: Start, model: InstalledModel, tmp_path: Path
) -> None:
    for server in ("built-in", str(llama_server.install(tmp_path))):
        state = start(model, llm_server=server, llm_provider="cuda").settle()
        assert state["status"] == "failed"
        assert "no GPU to use" in str(state["reason"])


def test_a_service_that_is_stopped_while_it_loads_leaves_nothing_behind(
    start: Start, model: InstalledModel
) -> None:
    service = start(model)
    while not (children := psutil.Process(service.process.pid).children()):
        time.sleep(0.005)
    service.process.terminate()
    assert service.process.wait(5) == 0
    assert not psutil.wait_procs(children, GONE_WITHIN)[1]
