"""Cores and memory, as far as they are this process's to use: containers and affinities limit both."""

from __future__ import annotations

import math
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

import psutil

CPUINFO = Path("/proc/cpuinfo")
TOPOLOGY = Path("/sys/devices/system/cpu")
CGROUP = Path("/sys/fs/cgroup")

NO_LIMIT_BYTES = 1 << 60
"""cgroups of version 1 write an absurd number where they mean none."""


def physical_cores(topology: Path = TOPOLOGY, cgroup: Path = CGROUP) -> int:
    """Cores with arithmetic of their own: two threads of one core count once."""
    usable = _usable_cpus()
    seen = {_core(topology, cpu) for cpu in usable}
    physical = len(seen) if None not in seen else psutil.cpu_count(logical=False) or len(usable)
    quota = _cpu_quota(cgroup)
    return max(1, min(physical, len(usable), math.floor(quota) if quota is not None else physical))


def memory_bytes(cgroup: Path = CGROUP) -> int:
    """The computer's memory, or the container's."""
    return min([int(psutil.virtual_memory().total), *_memory_limits(cgroup)])


def model_name(cpuinfo: Path = CPUINFO) -> str:
    """As the processor calls itself; empty where it does not."""
    return _field(cpuinfo, "model name") or platform.processor()


def flags(cpuinfo: Path = CPUINFO) -> frozenset[str]:
    """What the processor can do, in the words of /proc/cpuinfo."""
    return frozenset((_field(cpuinfo, "flags") or _field(cpuinfo, "Features")).split())


def _usable_cpus() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _core(topology: Path, cpu: int) -> tuple[str, str] | None:
    """Processor and core of a logical CPU; None where the system does not tell."""
    folder = topology / f"cpu{cpu}" / "topology"
    package, core = _read(folder / "physical_package_id"), _read(folder / "core_id")
    return None if package is None or core is None else (package, core)


def _cpu_quota(cgroup: Path) -> float | None:
    """CPUs' worth of time that the container gets; None for no limit."""
    quota, _, period = (_read(cgroup / "cpu.max") or "").partition(" ")
    if not quota:
        quota = _read(cgroup / "cpu" / "cpu.cfs_quota_us") or ""
        period = _read(cgroup / "cpu" / "cpu.cfs_period_us") or ""
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None
    return int(quota) / int(period)


def _memory_limits(cgroup: Path) -> Iterator[int]:
    for file in (cgroup / "memory.max", cgroup / "memory" / "memory.limit_in_bytes"):
        value = _read(file) or ""
        if value.isdigit() and int(value) < NO_LIMIT_BYTES:
            yield int(value)


def _field(cpuinfo: Path, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*)$", _read(cpuinfo) or "", re.MULTILINE)
    return found.group(1).strip() if found else ""


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
