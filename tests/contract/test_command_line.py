"""The commands as people run them: real processes, real engines, exit codes and what is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(120)]

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
QUESTION = RECORDINGS / "dialogue-what-is-twelve-times-seven-slt.wav"
STOP_DEADLINE = 10.0
KEY = "sk-sottovoce-for-this-test"


@pytest.fixture(scope="module")
def warm_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all: the recogniser's language model is built at its first start only."""
    return tmp_path_factory.mktemp("warm-home")


@pytest.fixture(autouse=True)
def _warm(warm_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOTTOVOCE_HOME", str(warm_home))


def sottovoce(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sottovoce", *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a shell beside the server has, to use it."""
        return {"SOTTOVOCE_PORT": str(self.port), "SOTTOVOCE_API_KEY": KEY}

    def answers(self, path: str) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def wait_ready(self) -> None:
        """The test's own timeout is the deadline."""
        while not self.answers("/readyz"):
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path, _warm: None) -> Iterator[Server]:
    port, log = free_port(), tmp_path / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "sottovoce", "serve", "--port", str(port), "--no-browser"],
            env=os.environ | {"SOTTOVOCE_API_KEY": KEY},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    yield Server(process, port, log)
    process.kill()
    process.wait()


def test_the_commands_use_a_running_server(server: Server, tmp_path: Path) -> None:
    server.wait_ready()
    speech = tmp_path / "speech.wav"

    said = sottovoce("say", "twelve times seven", "-o", speech, "--speed", "0.9", **server.environment)
    assert (said.returncode, said.stderr) == (0, "")
    with wave.open(str(speech)) as reader:
        assert (reader.getframerate(), reader.getnchannels()) == (24_000, 1)
        assert reader.getnframes() > 24_000

    heard = sottovoce("transcribe", "--json", QUESTION, RECORDINGS / "manifest.json", **server.environment)
    assert heard.returncode == 1  # the second is no audio
    assert json.loads(heard.stdout)["text"] == "what is twelve times seven"
    assert heard.stderr.count("\n") == 1
    assert "manifest.json" in heard.stderr

    captions = sottovoce("transcribe", QUESTION, "--format", "srt", **server.environment).stdout.splitlines()
    assert captions[0] == "1"
    assert " --> " in captions[1]
    assert captions[2] == "what is twelve times seven"
    live = sottovoce("transcribe", QUESTION, "--stream", **server.environment)
    assert (live.returncode, live.stdout) == (0, "what is twelve times seven\n")

    answer = tmp_path / "answer.wav"
    talked = sottovoce("talk", "--input", QUESTION, "--output", answer, **server.environment)
    assert talked.returncode == 0, talked.stderr
    you, assistant = talked.stdout.splitlines()
    assert you.split(":")[1].strip() == "what is twelve times seven"
    assert "84" in assistant
    with wave.open(str(answer)) as reader:
        assert any(reader.readframes(reader.getnframes()))

    examined = json.loads(sottovoce("doctor", "--json", **server.environment).stdout)
    port = next(finding for finding in examined["findings"] if finding["name"] == "Port")
    assert port["detail"].endswith("Sottovoce runs there")


def test_the_readme_s_examples_do_what_they_say(server: Server, tmp_path: Path) -> None:
    server.wait_ready()
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    printed = []
    for example in re.findall(r"```python\n(.*?)```", readme, re.DOTALL):
        code = example.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}").replace("sk-sottovoce-...", KEY)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    rest, spoken = printed
    assert "miles" in rest
    assert len(spoken.split()) > 5  # a joke
    assert (tmp_path / "dinner.wav").stat().st_size > 24_000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_cleanly_and_takes_its_children_along(server: Server, number: signal.Signals) -> None:
    server.wait_ready()
    children = psutil.Process(server.process.pid).children(recursive=True)
    assert len(children) >= 3
    server.process.send_signal(number)
    assert server.process.wait(STOP_DEADLINE) == 0
    _, alive = psutil.wait_procs(children, timeout=1)
    assert alive == []
    log = server.log.read_text()
    assert "Traceback" not in log
    assert KEY not in log
    assert f"http://127.0.0.1:{server.port}" in log


def test_serve_can_be_stopped_while_it_starts(server: Server) -> None:
    while not server.log.read_text():
        time.sleep(0.01)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(STOP_DEADLINE) == 0


def test_say_and_transcribe_need_no_server(tmp_path: Path) -> None:
    nobody = {"SOTTOVOCE_PORT": str(free_port())}
    speech = tmp_path / "speech.wav"
    assert sottovoce("say", "what time is it", "-o", speech, **nobody).returncode == 0
    streamed = subprocess.run(
        [sys.executable, "-m", "sottovoce", "say", "-", "-o", "-"],
        input=b"what time is it",
        env=os.environ | nobody,
        capture_output=True,
        check=True,
    )
    assert streamed.stdout[:4] == b"RIFF"
    heard = sottovoce("transcribe", RECORDINGS / "dialogue-what-time-is-it-slt.wav", **nobody)
    assert (heard.returncode, heard.stdout.strip()) == (0, "what time is it")


def test_talk_starts_a_server_of_its_own(tmp_path: Path) -> None:
    nobody = {"SOTTOVOCE_PORT": str(free_port())}
    talked = sottovoce("talk", "--input", QUESTION, "--output", tmp_path / "answer.wav", **nobody)
    assert talked.returncode == 0, talked.stderr
    assert "84" in talked.stdout


def test_an_engine_alone_answers_to_its_key() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sottovoce", "tts", "--port", "0"],
        env=os.environ | {"SOTTOVOCE_SERVICE_KEY": KEY},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        url = process.stderr.readline().split()[-1]
        headers = {"authorization": f"Bearer {KEY}"}
        assert httpx.get(f"{url}/models", trust_env=False).status_code == 401
        models = httpx.get(f"{url}/models", headers=headers, trust_env=False).json()
        assert models["data"][0]["id"] == "espeak-ng"
        process.terminate()
        assert process.wait(STOP_DEADLINE) == 0
    finally:
        process.kill()
        process.communicate()
