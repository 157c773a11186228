"""Whether a model suits a machine, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sottovoce.models.entry import ModelEntry
from sottovoce.models.machine import Machine

Verdict: TypeAlias = Literal["fits", "tight", "no"]


@dataclass(frozen=True, slots=True)
class Fit:
    """`reason` is in words, for people; `smaller` is the id of a model to take instead."""

    verdict: Verdict
    reason: str = ""
    smaller: str | None = None


def fit(entry: ModelEntry, machine: Machine) -> Fit:
    """Whether `entry` keeps up on `machine`."""
    if entry.memory > machine.memory_bytes:
        return Fit("no", f"needs {entry.memory.human_readable()} of memory")
    if entry.needs.cores > machine.cores:
        return Fit("no", f"needs {entry.needs.cores} cores; this machine has {machine.cores}")
    return Fit("fits")


def best_set(machine: Machine, languages: tuple[str, ...] = ("en",)) -> tuple[ModelEntry, ...]:
    """One model of each kind that together fit `machine`; kinds for which none does are left out."""
    return ()
