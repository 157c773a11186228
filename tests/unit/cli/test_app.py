"""Exit codes and one-line errors, whichever command raises."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sottovoce import __version__
from sottovoce.cli import app, flags
from sottovoce.cli.app import run
from sottovoce.errors import ConfigError, EngineUnavailable

COMMANDS = ["serve", "talk", "say", "transcribe", "doctor", "bench", "stt", "tts", "llm", "worker"]


@pytest.mark.parametrize("command", [[], ["key"], ["key", "show"], *[[name] for name in COMMANDS]])
def test_every_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--help"]) == 0
    assert "Usage: sottovoce" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [["serve"], ["say"], ["transcribe"], ["talk"], ["doctor"], ["bench"], ["worker"], ["key", "show"]],
)
def test_help_teaches_by_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run([*command, "--help"])
    help_text = " ".join(capsys.readouterr().out.split())
    assert "xample" in help_text or "--input question.wav" in help_text


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"sottovoce {__version__}\n"


@pytest.mark.parametrize("arguments", [["sing"], ["serve", "--loud"], ["serve", "--port", "x"], ["say"]])
def test_misuse_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "Usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("SOTTOVOCE_PORT is wrong."), 2),
        (EngineUnavailable("The tts engine failed.", engine="tts"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_is_one_line_and_a_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(flags, "load_settings", fail)
    assert run(["key", "show"]) == code
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    if not isinstance(error, KeyboardInterrupt):
        assert shown.strip() == f"error: {error}"


def test_an_unknown_setting_stops_every_command_that_reads_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOTTOVOCE_PROT", "80")
    for arguments in (["serve"], ["key", "show"], ["say", "hello"], ["talk"]):
        assert run(arguments) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "SOTTOVOCE_PORT" in error


def test_help_loads_none_of_the_heavy_libraries() -> None:
    script = (
        "import sys; from sottovoce.cli.app import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    heavy = {"livekit", "openai", "aiortc", "av", "numpy", "httpx", "pydantic", "starlette"}
    assert heavy & set(done.stderr.split()) == set()
    assert "typer" in done.stderr.split()


def test_the_module_is_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sottovoce", "sing"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (app.EXIT_MISUSED, False)
