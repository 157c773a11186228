"""What a machine has, where containers and drivers have their say."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import psutil
import pytest

from sottovoce.models import graphics, processor
from sottovoce.models.graphics import Graphics, read_nvidia
from sottovoce.models.machine import GIB, LLAMA_FLAGS, Machine, this_machine
from sottovoce.models.measured import Measured, read_measured, write_measured
from sottovoce.models.store import MODELS_FOLDER


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def four_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two cores of two threads each."""
    monkeypatch.setattr(processor, "_usable_cpus", lambda: {0, 1, 2, 3})
    for cpu in range(4):
        write(tmp_path / f"cpu{cpu}/topology/physical_package_id", "0\n")
        write(tmp_path / f"cpu{cpu}/topology/core_id", f"{cpu // 2}\n")
    return tmp_path


def test_two_threads_of_one_core_count_once(four_threads: Path) -> None:
    assert processor.physical_cores(four_threads, Path("/nowhere")) == 2


@pytest.mark.parametrize(
    ("file", "text", "cores"),
    [
        ("cpu.max", "150000 100000\n", 1),
        ("cpu.max", "50000 100000\n", 1),
        ("cpu.max", "max 100000\n", 2),
        ("cpu.max", "nonsense", 2),
        ("cpu.max", "100000 0", 2),
        ("cpu/cpu.cfs_quota_us", "-1\n", 2),
    ],
)
def test_a_container_gets_the_cores_of_its_quota(
    four_threads: Path, file: str, text: str, cores: int
) -> None:
    cgroup = four_threads / "cgroup"
    write(cgroup / file, text)
    write(cgroup / "cpu/cpu.cfs_period_us", "100000")
    assert processor.physical_cores(four_threads, cgroup) == cores


def test_where_the_system_does_not_tell_the_cores_are_counted_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "_usable_cpus", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 3)
    assert processor.physical_cores(tmp_path, tmp_path) == 3
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None)
    assert processor.physical_cores(tmp_path, tmp_path) == 4


@pytest.mark.parametrize(
    ("file", "text"), [("memory.max", "1073741824\n"), ("memory/memory.limit_in_bytes", "1073741824")]
)
def test_a_container_gets_the_memory_of_its_limit(tmp_path: Path, file: str, text: str) -> None:
    write(tmp_path / file, text)
    assert processor.memory_bytes(tmp_path) == 1 << 30


@pytest.mark.parametrize("text", ["max", "9223372036854771712", "", "x"])
def test_no_limit_is_the_whole_memory(tmp_path: Path, text: str) -> None:
    write(tmp_path / "memory.max", text)
    assert processor.memory_bytes(tmp_path) == psutil.virtual_memory().total


def test_the_processor_says_who_it_is_and_what_it_can(tmp_path: Path) -> None:
    write(tmp_path / "intel", "processor : 0\nmodel name\t: Core i9\nflags\t\t: fpu avx2 fma f16c bmi2\n")
    assert processor.model_name(tmp_path / "intel") == "Core i9"
    assert processor.flags(tmp_path / "intel") >= set(LLAMA_FLAGS)
    write(tmp_path / "arm", "processor : 0\nFeatures\t: fp asimd\n")
    assert processor.flags(tmp_path / "arm") == {"fp", "asimd"}
    assert processor.flags(tmp_path / "none") == frozenset()


def test_of_several_graphics_processors_the_largest_counts() -> None:
    output = "NVIDIA GT 1030, 2048\nNVIDIA RTX 4090, 24564\n"
    assert read_nvidia(output) == ("NVIDIA RTX 4090", 24564 << 20)
    for nothing in ("", "No devices were found\n", "NVIDIA Odd, [N/A]\n"):
        assert read_nvidia(nothing) == ("", 0)


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    return tmp_path


def test_the_driver_is_asked_and_the_engines_looked_at(path: Path) -> None:
    program(path, "nvidia-smi", "echo 'NVIDIA H200, 143771'")
    program(path, "llama-server", "echo 'Available devices:'; echo '  CUDA0: NVIDIA H200'")
    found = graphics.graphics()
    assert (found.name, found.memory_bytes, found.runs_llama) == ("NVIDIA H200", 143771 << 20, True)
    program(path, "llama-server", "echo 'Available devices:'")
    assert not graphics.graphics().runs_llama


def test_a_driver_that_fails_is_a_fault(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(path, "nvidia-smi", "echo 'cannot talk to the driver' >&2; exit 9")
    assert graphics.graphics() == Graphics(fault="nvidia-smi fails: cannot talk to the driver")
    program(path, "nvidia-smi", "exec sleep 60")
    monkeypatch.setattr(graphics, "NVIDIA_TIMEOUT", 0.1)
    assert "no answer" in graphics.graphics().fault


def test_the_packages_that_are_installed_here_are_for_processors(path: Path) -> None:
    assert not graphics.has_cuda_speech()
    assert not graphics.has_cuda_llama()


def test_a_cuda_build_is_known_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphics, "version", lambda package: "2.0.1+cuda12.cudnn9")
    assert graphics.has_cuda_speech()


def test_this_machine_is_a_machine() -> None:
    here = this_machine()
    assert here.cores >= 1
    assert 0 < here.memory_bytes <= psutil.virtual_memory().total
    assert here.name.endswith("GiB") or here.graphics.name
    assert this_machine() is here


def test_what_was_measured_is_remembered_for_the_machine(tmp_path: Path) -> None:
    here, there = Machine(2, 8 * GIB, "A"), Machine(4, 8 * GIB, "B")
    first = Measured(model="m", machine=here.name, real_time_factor=0.4, load_seconds=1, measured_at=1)
    other = first.model_copy(update={"machine": there.name, "real_time_factor": 0.1})
    newer = first.model_copy(update={"real_time_factor": 0.5, "measured_at": 2})
    assert read_measured(tmp_path, here) == {}
    for run in (first, other, newer):
        write_measured(tmp_path, run)
    assert read_measured(tmp_path, here) == {"m": newer}
    assert read_measured(tmp_path, there) == {"m": other}
    (tmp_path / MODELS_FOLDER / "measured.json").write_text("[{")
    assert read_measured(tmp_path, here) == {}
    write_measured(tmp_path, first)
    assert read_measured(tmp_path, here) == {"m": first}
