"""What `doctor` says of models and of what runs them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from sottovoce.cli import finding, fitting, inventory, model_checks
from sottovoce.cli.finding import Check, Finding
from sottovoce.config import Settings
from sottovoce.models.catalogue import packaged_entries
from sottovoce.models.choice import write_choice
from sottovoce.models.graphics import Graphics
from sottovoce.models.machine import LLAMA_FLAGS, Machine
from sottovoce.models.measured import Measured, write_measured
from sottovoce.models.store import Store
from sottovoce.models.unfinished import Record
from tests.unit.models.model_files import install

ENTRIES = {entry.id: entry for entry in packaged_entries()}
TWO_CORES = Machine(2, 8 << 30, cpu="Test", cpu_flags=frozenset(LLAMA_FLAGS))


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, TWO_CORES)
    monkeypatch.setattr(finding, "run", lambda command: ("loads", None))


def on(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> None:
    for room in (model_checks, inventory, fitting):
        monkeypatch.setattr(room, "this_machine", lambda: machine)


def found(check: Check, home: Path, **given: Any) -> dict[str, Finding]:
    settings = Settings.model_validate({"home": home, **given})
    return {each.name: each for each in check(settings)}


def test_an_empty_home_has_nothing_to_cure(home: Path) -> None:
    for check in model_checks.MODEL_CHECKS:
        for each in found(check, home).values():
            assert (each.state, each.cure) == ("ok", ""), each
    assert "sottovoce models fit" in found(model_checks.models, home)["Models"].detail


def test_chains_are_named_from_front_to_back(home: Path) -> None:
    install(home, ENTRIES["nemotron-en-560ms"])
    install(home, ENTRIES["whisper-base"])
    llm = {"url": "http://127.0.0.1:9/v1"}
    told = found(model_checks.chains, home, llm=llm)
    assert told["Hears with"].detail == "nemotron-en-560ms; if it fails: whisper-base, pocketsphinx"
    assert told["Answers with"].detail == "http://127.0.0.1:9/v1; if it fails: sottovoce-rules"
    assert told["Speaks with"].detail == "espeak-ng"


def test_a_choice_that_is_gone_is_a_note_with_the_reason(home: Path) -> None:
    write_choice(home, "tts", "kokoro-v1.0")
    told = found(model_checks.chains, home)["Speaks with"]
    assert told.state == "note"
    assert told.detail.startswith("espeak-ng. kokoro-v1.0 was chosen and is not used")
    assert "models use" in told.cure


@pytest.mark.parametrize(
    "given",
    [
        {"tts": {"model": "kokorro"}},
        {"models": [{"id": "x"}]},
        {"profile": "embedded", "tts": {"model": "x"}},
    ],
)
def test_settings_that_name_nothing_are_broken(home: Path, given: dict[str, Any]) -> None:
    told = found(model_checks.chains, home, **given)["Models"]
    assert told.state == "broken"
    assert found(model_checks.models, home, **given) == {}


def test_each_model_that_is_here_is_judged(home: Path) -> None:
    install(home, ENTRIES["kokoro-v1.0"])
    install(home, ENTRIES["qwen3-8b"], {"m.gguf": b"x"})
    told = found(model_checks.models, home)
    assert told["kokoro-v1.0"].state == "ok"
    assert "fits this machine. Not measured yet." in told["kokoro-v1.0"].detail
    assert told["qwen3-8b"].state == "note"
    assert "needs 8.9 GB of memory" in told["qwen3-8b"].detail
    assert "sottovoce models pull qwen3-0.6b" in told["qwen3-8b"].cure
    assert "sottovoce models fit qwen3-8b --measure" in told["qwen3-8b"].cure


def test_what_was_measured_is_told(home: Path) -> None:
    install(home, ENTRIES["kokoro-v1.0"])
    run = Measured(
        model="kokoro-v1.0", machine=TWO_CORES.name, real_time_factor=0.4, load_seconds=1, measured_at=0
    )
    write_measured(home, run)
    told = found(model_checks.models, home)["kokoro-v1.0"]
    assert (told.state, told.cure) == ("ok", "")
    assert "it took 0.4 s for a second of speech here" in told.detail


def test_damage_is_found_and_mended_by_a_pull(home: Path) -> None:
    install(home, ENTRIES["kokoro-v1.0"], {"model.onnx": b"whole"})
    (Store(home).folder("kokoro-v1.0") / "model.onnx").write_bytes(b"ho")
    told = found(model_checks.models, home)["kokoro-v1.0"]
    assert told.state == "note"
    assert "model.onnx has 2 bytes instead of 5" in told.detail
    assert "sottovoce models pull kokoro-v1.0 mends it" in told.cure


def test_broken_off_downloads_and_the_hub_are_told(home: Path) -> None:
    partial = Store(home).partial("whisper-base")
    partial.mkdir(parents=True)
    (partial / "part").write_bytes(b"x" * 40_000_000)
    Record(revision="abc", total_bytes=160_000_000).write(partial)
    told = found(model_checks.downloads, home, offline=True)
    assert told["Unfinished"].detail == "40 MB of 160 MB of whisper-base are here"
    assert "rm --unfinished" in told["Unfinished"].cure
    assert told["Model hub"].detail == "https://huggingface.co: never asked: the settings say offline"


def test_entries_that_stand_in_for_packaged_ones_are_told(home: Path) -> None:
    own = {**ENTRIES["whisper-base"].model_dump(mode="json"), "title": "Mine"}
    assert "whisper-base" in found(model_checks.models, home, models=[own])["Catalogue"].detail


def test_an_old_processor_cannot_run_the_built_in_llama(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, Machine(2, 8 << 30, cpu_flags=frozenset({"avx2", "fma"})))
    told = found(model_checks.llama, home)["llama.cpp"]
    assert told.state == "note"
    assert "needs F16C, BMI2" in told.detail
    assert "llama-server" in told.cure


def test_a_library_that_does_not_load_is_a_note_with_its_cure(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = "ImportError: libgomp.so.1: cannot open shared object file"
    monkeypatch.setattr(finding, "run", lambda command: ("", fault))
    told = found(model_checks.llama, home)["llama.cpp"]
    assert told.state == "note"
    assert "libgomp1" in told.cure
    assert "does not load" in found(model_checks.speech, home)["sherpa-onnx"].detail


def test_the_llama_server_of_the_machine_comes_first(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "llama-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert str(program) in found(model_checks.llama, home)["llama.cpp"].detail
    assert "built in" in found(model_checks.llama, home, llm={"server": "built-in"})["llama.cpp"].detail
    told = found(model_checks.llama, home, llm={"server": "/nowhere/llama-server"})["llama.cpp"]
    assert told.state == "note"
    assert "SOTTOVOCE_LLM_SERVER" in told.cure


def test_a_gpu_that_engines_do_not_use_has_install_lines(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(monkeypatch, Machine(2, 8 << 30, graphics=Graphics("RTX 4090", 24 << 30)))
    told = found(model_checks.gpu, home)
    assert told["GPU"].detail.startswith("RTX 4090")
    assert "k2-fsa.github.io/sherpa/onnx/cuda.html" in told["GPU for speech"].cure
    assert "sherpa-onnx==2.0.1+cuda" in told["GPU for speech"].cure
    assert "xllamacpp/whl/cu128" in told["GPU for language models"].cure
    on(monkeypatch, Machine(2, 8 << 30, graphics=Graphics("RTX 4090", 24 << 30, True, True)))
    assert {each.state for each in found(model_checks.gpu, home).values()} == {"ok"}


def test_a_gpu_that_is_asked_for_and_missing_is_a_note(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = found(model_checks.gpu, home, stt={"provider": "cuda"})["GPU"]
    assert told.state == "note"
    assert "SOTTOVOCE_STT_PROVIDER=cuda" in told.detail
    on(monkeypatch, Machine(2, 8 << 30, graphics=Graphics(fault="nvidia-smi fails: no driver")))
    assert "no driver" in found(model_checks.gpu, home)["GPU"].detail
