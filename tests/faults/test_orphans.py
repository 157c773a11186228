"""No child outlives its parent, however the parent ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.gone import wait_gone

GONE_WITHIN = 1.0

PARENT = """
import asyncio, sys
from sottovoce.config import load
from sottovoce.services.supervisor import Supervisor

async def main():
    async with Supervisor(load({}, {}), kinds=sys.argv[1:]) as supervisor:
        await supervisor.wait_ready()
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process with a supervisor of the real engine services, once all are ready."""
    program = [sys.executable, "-c", PARENT, "stt", "llm", "tts"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children()
    everyone = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 3
    assert len(everyone) > 3  # the workers of stt
    return everyone


def test_children_go_with_a_killed_parent(parent: subprocess.Popen[str]) -> None:
    children = family(parent)
    parent.kill()
    assert wait_gone(children) < GONE_WITHIN


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_stopped_child_goes_with_a_killed_parent(parent: subprocess.Popen[str]) -> None:
    children = family(parent)
    for child in children:
        child.suspend()
    parent.kill()
    assert wait_gone(children) < GONE_WITHIN


def test_a_service_ends_with_its_standard_input(home: Path) -> None:
    """The portable way, without prctl: here the parent lives on and only the pipe ends."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as sock:
        process = subprocess.Popen(
            [sys.executable, "-m", "sottovoce.services", "tts", "--fd", str(sock.fileno())],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[sock.fileno()],
        )
        with process:
            # the socket listens already, so this waits in its backlog until the service takes it up
            url = f"http://127.0.0.1:{sock.getsockname()[1]}/livez"
            assert httpx.get(url, timeout=30, trust_env=False).is_success
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(timeout=5) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_alone_ends_cleanly(number: signal.Signals) -> None:
    program = "import sys\nfrom sottovoce.services import child, tts\n"
    program += "options = child.ServiceOptions.from_environment()\n"
    program += "child.run_service(tts.create_app(options), options)\n"
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Listening on http://127.0.0.1:")
        assert process.stderr.readline().startswith("API key: ")
        os.kill(process.pid, number)
        assert process.wait(timeout=5) == 0


TESTS = """
import subprocess, sys
from tests.mortal import mortal

began = subprocess.Popen(mortal("/bin/cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
began.stdin.write(b"there\\n")
began.stdin.flush()
began.stdout.readline()
print(began.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_what_tests_start_goes_with_killed_tests() -> None:
    program = [sys.executable, "-c", TESTS]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        began = psutil.Process(int(tests.stdout.readline()))
        assert began.name() == "cat"
        began.suspend()  # so that the end of its pipe does not reach it
        tests.kill()
        assert wait_gone([began]) < GONE_WITHIN
