"""The graphics processor, and which of the installed engines could use it."""

from __future__ import annotations

import mmap
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path

NVIDIA_TIMEOUT = 10.0
"""Seconds for the driver to answer; one that hangs must not hang us."""
DEVICES_TIMEOUT = 20.0
"""Seconds for llama-server to look for devices; it initialises CUDA."""

MIB = 1 << 20
CUDA_LIBRARY = b"libcuda.so.1"
"""What programs that compute on NVIDIA's processors are linked with."""


@dataclass(frozen=True, slots=True)
class Graphics:
    """`name` is empty without one; `fault` says why one could not be asked. The flags say which engines here
    are built for it: `runs_speech` sherpa-onnx, `runs_llama` llama.cpp."""

    name: str = ""
    memory_bytes: int = 0
    runs_speech: bool = False
    runs_llama: bool = False
    fault: str = ""


NO_GRAPHICS = Graphics()


def graphics() -> Graphics:
    """What there is, read now."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return Graphics(name="Apple (Metal)", runs_llama=True)
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return NO_GRAPHICS
    output, fault = _ask(
        [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"], NVIDIA_TIMEOUT
    )
    if fault:
        return Graphics(fault=f"nvidia-smi fails: {fault}")
    name, memory_bytes = read_nvidia(output)
    if not name:
        return NO_GRAPHICS
    return Graphics(name, memory_bytes, has_cuda_speech(), has_cuda_llama())


def read_nvidia(output: str) -> tuple[str, int]:
    """Name and bytes of the largest of the processors that nvidia-smi lists, one a line: "name, MiB"."""
    rows = [line.rpartition(",") for line in output.splitlines()]
    found = [(int(size), name.strip()) for name, _, size in rows if size.strip().isdigit()]
    size, name = max(found, default=(0, ""))
    return name, size * MIB


def has_cuda_speech() -> bool:
    """Whether the sherpa-onnx that is installed was built with CUDA: its version says so."""
    try:
        return "+cuda" in version("sherpa-onnx")
    except PackageNotFoundError:
        return False


def has_cuda_llama() -> bool:
    """Whether the llama-server on PATH finds CUDA, or the built-in llama.cpp was built with it."""
    server = shutil.which("llama-server")
    if server is not None:
        output, _ = _ask([server, "--list-devices"], DEVICES_TIMEOUT)
        return "CUDA" in output
    return any(_holds(path, CUDA_LIBRARY) for path in _native_files("xllamacpp"))


def _native_files(package: str) -> Iterator[Path]:
    try:
        for file in files(package) or ():
            if ".so" in file.suffixes or file.suffix in (".pyd", ".dll"):
                yield Path(str(file.locate()))
    except PackageNotFoundError:
        return


def _holds(path: Path, text: bytes) -> bool:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
            return memory.find(text) >= 0
    except (OSError, ValueError):  # gone, or empty
        return False


def _ask(command: list[str], timeout: float) -> tuple[str, str]:
    """What the program prints, and what went wrong."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return "", f"no answer within {timeout:.0f} s"
    except OSError as error:
        return "", str(error)
    lines = (done.stderr or done.stdout).strip().splitlines()
    return done.stdout + done.stderr, "" if done.returncode == 0 else (lines or ["it says nothing"])[-1]
