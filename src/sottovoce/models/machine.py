"""What this machine has that models need."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Machine:
    """`cores` are physical ones that this process may use; `memory_bytes` is what it may ever use."""

    cores: int
    memory_bytes: int
    cpu_flags: frozenset[str] = frozenset()
    gpu: str = ""
    gpu_memory_bytes: int = 0


def this_machine() -> Machine:
    """The facts, read now."""
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    return Machine(cores=cores, memory_bytes=psutil.virtual_memory().total)
