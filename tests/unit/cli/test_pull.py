"""`sottovoce models pull` where no server runs, from an imitation of the hub."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from sottovoce.cli.app import run
from sottovoce.cli.pull import pull_missing
from sottovoce.cli.pull_bars import bars, duration
from sottovoce.config import load
from sottovoce.models.choice import read_choice
from sottovoce.models.download_job import Progress
from sottovoce.models.store import Store
from tests.fake_hub import FakeHub, Fault, until_written
from tests.fake_hub import running as hub_running

CONFIG = """
[[models]]
id = "tiny"
kind = "tts"
engine = "sherpa-tts"
family = "kokoro"
languages = ["en"]
source = { repo = "maker/tiny" }
"""
FILE = bytes(range(256)) * 1000


@pytest.fixture
def hub(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """A hub with one model, which the settings of this folder know; no server runs."""
    for name in [name for name in os.environ if name.startswith("HF_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    (tmp_path / "sottovoce.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOTTOVOCE_PORT", "0")
    with hub_running() as hub:
        hub.repos["maker/tiny"] = {"model.onnx": FILE, "tokens.txt": b"a\n"}
        monkeypatch.setenv("SOTTOVOCE_HUB_URL", hub.url)
        yield hub


def test_a_model_is_fetched_and_chosen(hub: FakeHub, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "pull", "tiny", "--use"]) == 0
    assert (Store(home).folder("tiny") / "model.onnx").read_bytes() == FILE
    assert read_choice(home) == {"tts": "tiny"}
    told = capsys.readouterr()
    assert "chosen" in told.out
    assert "tiny: 256 kB of 256 kB done" in told.err


def test_programs_get_json_lines(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "pull", "tiny", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"id", "step", "bytes", "total_bytes", "rate", "seconds_left", "file"} <= lines[0].keys()
    assert (lines[-1]["step"], lines[-1]["bytes"]) == ("done", len(FILE) + 2)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nobody"], 1, "no model 'nobody'"),
        ([], 2, "models fit"),
    ],
)
def test_what_is_not_to_be_had_is_told(
    hub: FakeHub, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, words: str
) -> None:
    assert run(["models", "pull", *arguments]) == status
    assert words in capsys.readouterr().err


def test_a_failure_names_its_cure(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.answers["maker/tiny"] = Fault(status=403, headers={"X-Error-Code": "GatedRepo"})
    assert run(["models", "pull", "tiny"]) == 1
    assert "accept them" in " ".join(capsys.readouterr().err.split())


def heeding_ctrl_c() -> None:
    """Whoever runs tests in the background may have told all its children to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_keeps_what_has_come_and_says_how_to_go_on(hub: FakeHub, home: Path) -> None:
    hub.faults["model.onnx"] = [Fault(hangs_after=100_000)]
    command = (sys.executable, "-m", "sottovoce", "models", "pull", "tiny")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heeding_ctrl_c) as process:
        until_written(hub, home, "tiny", 100_000)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "sottovoce models pull tiny" in told
    assert run(["models", "pull", "tiny"]) == 0
    assert hub.fetched("model.onnx")[-1].range == "bytes=100000-"


def test_the_worker_goes_when_the_command_is_killed(hub: FakeHub, home: Path) -> None:
    hub.faults["model.onnx"] = [Fault(hangs_after=100_000)]
    command = (sys.executable, "-m", "sottovoce", "models", "pull", "tiny")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until_written(hub, home, "tiny", 100_000)
        worker = int((Store(home).partial("tiny").parent / ".tiny.lock").read_text())
        process.kill()
    assert gone_within(worker, 10.0)


def gone_within(pid: int, patience: float) -> bool:
    """Whether a process that is no child of ours ends; it holds nothing that could be waited on."""
    gone = threading.Event()

    def watch() -> None:
        while not gone.wait(0.02):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                gone.set()

    threading.Thread(target=watch, daemon=True).start()
    return gone.wait(patience)


def test_a_profile_s_missing_models_are_fetched_before_it_serves(
    hub: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOTTOVOCE_TTS_MODEL", "tiny")
    shown = io.StringIO()
    settings = load()
    pull_missing(Console(file=shown, width=200), settings)
    assert Store(home).manifest("tiny") is not None
    assert "tiny: 256 kB of 256 kB done" in shown.getvalue()
    asked = len(hub.seen)
    pull_missing(Console(file=shown, width=200), settings)
    assert len(hub.seen) == asked


def test_a_terminal_gets_bars_for_the_model_and_its_file() -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=120)
    with bars(console) as show:
        show.show(
            "tiny",
            Progress(
                step="fetching",
                bytes=3_000_000,
                total_bytes=9_000_000,
                rate=1_000_000.0,
                file="model.onnx",
                file_bytes=1_000_000,
                file_total_bytes=8_000_000,
                file_number=2,
                file_count=5,
            ),
        )
    assert "3.0/9.0 MB" in shown.getvalue()
    assert "1 MB/s, 6 s left" in shown.getvalue()
    assert "model.onnx (2/5)" in shown.getvalue()


def test_what_a_hub_calls_its_files_is_shown_as_it_is() -> None:
    shown = io.StringIO()
    with bars(Console(file=shown, force_terminal=True, width=120)) as show:
        show.show("tiny", Progress(step="waiting", file="a[/b].onnx", note="[/red] is no colour"))
    assert "a[/b].onnx" in shown.getvalue()
    assert "[/red] is no colour" in shown.getvalue()


@pytest.mark.parametrize(("seconds", "words"), [(40.2, "40 s"), (170, "3 min"), (7800, "2 h 10 min")])
def test_time_left_is_said_as_people_do(seconds: float, words: str) -> None:
    assert duration(seconds) == words
