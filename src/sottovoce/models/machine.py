"""What this machine has that models need."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from functools import cache

from sottovoce.models import processor
from sottovoce.models.graphics import NO_GRAPHICS, Graphics, graphics

GIB = 1 << 30

LLAMA_FLAGS = ("avx2", "fma", "f16c", "bmi2")
"""What the built-in llama.cpp was compiled for on x86; without one of them the system kills it (SIGILL)."""


@dataclass(frozen=True, slots=True)
class Machine:
    """`cores` are physical ones that this process may use, `memory_bytes` what it may ever use: less than the
    computer has, in a container. `cpu_flags` are the processor's own words ("avx2")."""

    cores: int
    memory_bytes: int
    cpu: str = ""
    architecture: str = "x86_64"
    cpu_flags: frozenset[str] = frozenset()
    graphics: Graphics = NO_GRAPHICS
    has_llama_server: bool = False

    @property
    def missing_llama_flags(self) -> tuple[str, ...]:
        """Of an x86 processor; others have no such choice."""
        if self.architecture not in ("x86_64", "AMD64"):
            return ()
        return tuple(flag for flag in LLAMA_FLAGS if flag not in self.cpu_flags)

    @property
    def name(self) -> str:
        """Tells machines apart on which the same model runs at another speed."""
        parts = [self.cpu or self.architecture, f"{self.cores} cores", f"{self.memory_bytes / GIB:.0f} GiB"]
        return ", ".join([*parts, self.graphics.name] if self.graphics.name else parts)


def counted_cores(cores: int) -> str:
    """So many cores, as people say it."""
    return "one core" if cores == 1 else f"{cores} cores"


@cache
def this_machine() -> Machine:
    """The facts; read once, they do not change while a process runs."""
    return Machine(
        cores=processor.physical_cores(),
        memory_bytes=processor.memory_bytes(),
        cpu=processor.model_name(),
        architecture=platform.machine(),
        cpu_flags=processor.flags() if sys.platform == "linux" else frozenset(LLAMA_FLAGS),
        graphics=graphics(),
        has_llama_server=shutil.which("llama-server") is not None,
    )
