"""`sottovoce models`: listed, chosen, deleted, compared, judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sottovoce.cli import model_files, models, running
from sottovoce.cli.app import run
from sottovoce.cli.running import RunningServer
from sottovoce.models import machine, plan
from sottovoce.models.catalogue import packaged_entries
from sottovoce.models.choice import read_choice, write_choice
from sottovoce.models.machine import LLAMA_FLAGS, Machine
from sottovoce.models.measured import Measured, write_measured
from sottovoce.models.store import Store
from sottovoce.models.unfinished import sole
from sottovoce.models.verify import digests
from tests.unit.models.model_files import NEMO_STREAMING, install, write_gguf, write_kokoro, write_transducer

ENTRIES = {entry.id: entry for entry in packaged_entries()}
TWO_CORES = Machine(2, 8 << 30, cpu="Test", cpu_flags=frozenset(LLAMA_FLAGS))


@pytest.fixture(autouse=True)
def _on_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    from sottovoce.cli import fitting, inventory

    for room in (machine, plan, fitting, inventory):
        monkeypatch.setattr(room, "this_machine", lambda: TWO_CORES)


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def listed(capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, dict[str, Any]]:
    assert run(["models", "list", "--json", *flags]) == 0
    return {each["id"]: each for each in json.loads(capsys.readouterr().out)}


def test_the_list_leaves_out_what_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    shown = listed(capsys)
    assert shown["espeak-ng"]["role"] == "in use"
    assert shown["kokoro-v1.0"]["fit"]["verdict"] == "fits"
    assert "qwen3-8b" not in shown
    every = listed(capsys, "--all", "--kind", "llm")
    assert every["qwen3-8b"]["fit"] == {
        "verdict": "no",
        "reason": "needs 8.9 GB of memory beside 1.0 GB; there are 8.0 GB",
        "smaller": "qwen3-0.6b",
    }
    assert {each["kind"] for each in every.values()} == {"llm"}


def test_the_table_says_what_is_here_and_what_is_used(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(home, ENTRIES["kokoro-v1.0"])
    install(home, ENTRIES["qwen3-8b"], {"m.gguf": b"x" * 5000})
    partial = Store(home).partial("whisper-base")
    partial.mkdir(parents=True)
    assert run(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = {line.split()[0]: line for line in lines if line}
    assert "in use, here" in row["kokoro-v1.0"]
    assert "fallback, built in" in row["espeak-ng"]
    assert "5 kB" in row["qwen3-8b"]
    assert "does not fit" in row["qwen3-8b"]
    assert "take qwen3-0.6b" in row["qwen3-8b"]
    assert "en zh de es +95" in row["whisper-base"]
    assert "more do not fit this machine" in lines[-1]


def test_the_list_warns_of_a_choice_that_is_gone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_choice(home, "tts", "kokoro-v1.0")
    assert run(["models", "list"]) == 0
    assert "kokoro-v1.0 was chosen and is not used" in capsys.readouterr().err


def test_own_models_are_in_the_list(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_kokoro(tmp_path / "mine")
    write_choice(home, "tts", str(folder))
    mine = listed(capsys)["mine"]
    assert (mine["role"], mine["path"], mine["state"]) == ("in use", str(folder), "here")
    assert mine["size_bytes"] > 0


def test_a_model_is_chosen_by_its_id(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(home, ENTRIES["kokoro-v1.0"])
    assert run(["models", "use", "kokoro-v1.0"]) == 0
    assert read_choice(home) == {"tts": "kokoro-v1.0"}
    assert "tts: kokoro-v1.0 will be used" in capsys.readouterr().out
    assert run(["models", "use", "embedded", "--kind", "tts"]) == 0
    assert read_choice(home) == {"tts": "embedded"}


def test_a_folder_is_chosen_from_wherever_one_stands(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_transducer(tmp_path / "ears", NEMO_STREAMING)
    write_gguf(tmp_path / "mind.gguf")
    monkeypatch.chdir(tmp_path)
    assert run(["models", "use", "ears"]) == 0
    assert run(["models", "use", "./mind.gguf", "--kind", "llm"]) == 0
    assert read_choice(home) == {"stt": str(tmp_path / "ears"), "llm": str(tmp_path / "mind.gguf")}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["kokoro-v1.0"], 1, "sottovoce models pull kokoro-v1.0"),
        (["kokorro-v1.0"], 2, "Did you mean kokoro-v1.0"),
        (["embedded"], 2, "--kind stt, llm or tts"),
        (["espeak-ng", "--kind", "stt"], 2, "not for speech recognition"),
        (["/nowhere"], 2, "no file or folder"),
        (["embedded", "--kind", "ear"], 2, ""),
    ],
)
def test_what_cannot_be_chosen_is_refused(
    home: Path, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "use", *arguments]) == code
    assert message in capsys.readouterr().err
    assert read_choice(home) == {}


def test_who_set_otherwise_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(home, ENTRIES["kokoro-v1.0"])
    monkeypatch.setenv("SOTTOVOCE_TTS_MODEL", "embedded")
    assert run(["models", "use", "kokoro-v1.0"]) == 0
    assert "SOTTOVOCE_TTS_MODEL is set and wins" in capsys.readouterr().err
    monkeypatch.delenv("SOTTOVOCE_TTS_MODEL")
    monkeypatch.setenv("SOTTOVOCE_PROFILE", "embedded")
    assert run(["models", "use", "kokoro-v1.0"]) == 2
    assert "SOTTOVOCE_PROFILE=embedded" in capsys.readouterr().err


def test_a_running_server_is_told_and_keeps_the_choice_itself(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sottovoce.cli import desk

    asked: list[tuple[object, ...]] = []

    async def use_running(*given: object) -> None:
        asked.append(given)

    server = RunningServer("http://127.0.0.1:1", "key")
    monkeypatch.setattr(running, "find_server", lambda settings: server)
    monkeypatch.setattr(desk, "use_running", use_running)
    install(home, ENTRIES["kokoro-v1.0"])
    assert run(["models", "use", "kokoro-v1.0"]) == 0
    assert asked == [(server, "tts", "kokoro-v1.0", "kokoro-v1.0")]
    assert "tts: kokoro-v1.0 is in use." in capsys.readouterr().out
    assert read_choice(home) == {}


def test_models_are_deleted_with_what_they_free(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(home, ENTRIES["whisper-tiny"], {"m": b"x" * 2_000_000})
    write_choice(home, "stt", "embedded")
    assert run(["models", "rm", "whisper-tiny"]) == 0
    assert "2 MB freed." in capsys.readouterr().out
    assert Store(home).installed(ENTRIES["whisper-tiny"]) is None
    assert run(["models", "rm", "whisper-tiny"]) == 1
    assert run(["models", "rm", "whisper-tinny"]) == 1
    assert run(["models", "rm", "../../etc"]) == 1
    assert run(["models", "rm"]) == 2


def test_a_model_in_use_is_deleted_by_force_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(home, ENTRIES["kokoro-v1.0"])
    write_choice(home, "tts", "kokoro-v1.0")
    assert run(["models", "rm", "kokoro-v1.0"]) == 2
    assert "in use for tts" in capsys.readouterr().err
    assert run(["models", "rm", "kokoro-v1.0", "--force"]) == 0
    assert read_choice(home) == {}
    assert list(Store(home).all()) == []


def test_a_model_that_lies_elsewhere_is_its_owners_to_delete(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_choice(home, "tts", str(write_kokoro(tmp_path / "mine")))
    assert run(["models", "rm", "mine", "--force"]) == 2
    assert "delete it yourself" in capsys.readouterr().err
    assert (tmp_path / "mine" / "model.onnx").exists()


def test_a_running_server_deletes_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    async def remove_running(server: object, id_: str, kind: str, *, is_forced: bool) -> int:
        asked.append((id_, kind, is_forced))
        return 10

    monkeypatch.setattr(model_files, "find_server", lambda settings: RunningServer("http://x", "key"))
    monkeypatch.setattr(model_files, "remove_running", remove_running)
    install(home, ENTRIES["kokoro-v1.0"])
    assert run(["models", "rm", "-f", "kokoro-v1.0"]) == 0
    assert asked == [("kokoro-v1.0", "tts", True)]
    assert Store(home).installed(ENTRIES["kokoro-v1.0"]) is not None


def test_a_model_that_is_being_mended_is_not_deleted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(home, ENTRIES["whisper-tiny"])
    with sole(Store(home), "whisper-tiny"):
        assert run(["models", "rm", "--force", "whisper-tiny"]) == 1
    assert "already being downloaded" in capsys.readouterr().err
    assert Store(home).installed(ENTRIES["whisper-tiny"]) is not None


def test_unfinished_downloads_are_deleted_and_running_ones_left(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(home)
    for name in ("whisper-tiny", "whisper-base"):
        (store.partial(name)).mkdir(parents=True)
        (store.partial(name) / "part").write_bytes(b"x" * 3_000_000)
    with sole(store, "whisper-base"):
        assert run(["models", "rm", "--unfinished"]) == 0
    told = capsys.readouterr()
    assert "3 MB freed." in told.out
    assert "whisper-base is already being downloaded" in told.err
    assert store.unfinished() == ("whisper-base",)


def whole(home: Path, name: str) -> Path:
    """A model whose manifest holds the truth."""
    store, content = Store(home), b"weights" * 1000
    store.partial(name).mkdir(parents=True)
    (store.partial(name) / "model").write_bytes(content)
    truth = digests(store.partial(name) / "model").sha256
    store.commit(ENTRIES[name], None, {"model": truth})
    return store.folder(name) / "model"


def test_verifying_finds_a_flipped_byte(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole(home, "whisper-tiny")
    file = whole(home, "kokoro-v1.0")
    assert run(["models", "verify"]) == 0
    assert "kokoro-v1.0: whole\nwhisper-tiny: whole\n" in capsys.readouterr().out
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    assert run(["models", "verify", "kokoro-v1.0"]) == 1
    assert "model has other content" in capsys.readouterr().err
    assert run(["models", "verify", "whisper-tiny"]) == 0
    capsys.readouterr()
    assert run(["models", "verify", "all", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["whisper-tiny"] == []
    assert report["kokoro-v1.0"][0]["file"] == "model"
    assert run(["models", "verify", "whisper-base"]) == 1


def test_verifying_nothing_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "verify"]) == 0
    assert "no models" in capsys.readouterr().err


def test_fit_proposes_a_set_and_how_to_get_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(home, ENTRIES["kokoro-v1.0"])
    assert run(["models", "fit"]) == 0
    told = capsys.readouterr().out
    assert "2 cores, 8.0 GB of memory, no GPU" in told
    assert "(663 MB to download, NVIDIA Open Model License)" in told
    assert "sottovoce models pull nemotron-en-560ms qwen3-0.6b\n" in told
    assert run(["models", "fit", "--json", "--language", "de"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["set"] == ["nemotron-3.5-560ms", "qwen3-0.6b"]
    assert report["machine"]["cores"] == 2


def test_fit_of_one_model_says_why_not_and_what_instead(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "fit", "nemotron-en-560ms"]) == 0
    assert capsys.readouterr().out == "nemotron-en-560ms fits this machine.\n"
    assert run(["models", "fit", "whisper-turbo"]) == 1
    told = capsys.readouterr().out
    assert "needs about 6 cores to keep up; this machine has 2 cores. Take whisper-small instead." in told
    assert run(["models", "fit", "whisper-turbbo"]) == 2
    assert "Did you mean whisper-turbo" in capsys.readouterr().err


def test_what_was_measured_decides_and_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(home, ENTRIES["kokoro-v1.0"])
    run_of = Measured(
        model="kokoro-v1.0", machine=TWO_CORES.name, real_time_factor=1.4, load_seconds=2, measured_at=0
    )
    write_measured(home, run_of)
    assert run(["models", "fit", "kokoro-v1.0"]) == 1
    assert "took 1.4 s for a second of speech here" in capsys.readouterr().out
    assert run(["models", "fit"]) == 0
    told = capsys.readouterr().out
    assert "kokoro-en-v0.19" in told
    assert "kokoro-v1.0 is in use: it is too much for this machine" in told


def test_measuring_needs_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "fit", "--measure"]) == 1
    assert "No model is here to be measured" in capsys.readouterr().err
    assert run(["models", "fit", "kokoro-v1.0", "--measure"]) == 1
    assert "models pull kokoro-v1.0" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["list", "use", "rm", "verify", "fit"])
def test_help_teaches_by_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", command, "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"sottovoce models {command}" in told
    assert "Example" in told
    assert models.app.info.epilog is not None
