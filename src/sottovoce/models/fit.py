"""Whether a model suits a machine, why not, and which to take instead.

What was measured on the machine decides; before that, the catalogue's figures do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

from sottovoce.config import ENGINE_KINDS
from sottovoce.models.catalogue import packaged_entries
from sottovoce.models.entry import ModelEntry
from sottovoce.models.machine import GIB, Machine, counted_cores
from sottovoce.models.measured import Measured

Verdict: TypeAlias = Literal["fits", "tight", "no"]

OWN_MEMORY_BYTES = 1 << 30
"""What the system, the gateway and the embedded engines hold beside the models."""

TIGHT_MEMORY = 0.8
"""Beyond this share of the memory the system begins to swap when something else runs."""

FITTING_FACTOR, TIGHT_FACTOR = 0.6, 0.9
"""Real-time factors: below the first there is room for the other engines, above the second speech lags."""

FITTING_TOKENS, TIGHT_TOKENS = 8.0, 4.0
"""Tokens a second: speech needs about four; twice that leaves room for the voice."""

GPU_MEMORY_SHARE = 0.65
"""Of `memory`, what a language model takes on a GPU: its weights once, and its context."""

ABSENT = 100
"""How much worse no model of a kind is than any that fits, where a set is chosen."""


@dataclass(frozen=True, slots=True)
class Fit:
    """`reason` is in words, for people; `smaller` is the id of a model to take instead. `is_measured`: the
    model itself was run here."""

    verdict: Verdict
    reason: str = ""
    smaller: str | None = None
    is_measured: bool = False


def fit(
    entry: ModelEntry,
    machine: Machine,
    measured: Measured | None = None,
    among: Iterable[ModelEntry] | None = None,
) -> Fit:
    """Whether `entry` keeps up on `machine`; a smaller one is looked for `among` (the packaged models)."""
    found = _judge(entry, machine, measured)
    if found.verdict == "fits":
        return found
    others = packaged_entries() if among is None else among
    return Fit(found.verdict, found.reason, _smaller(entry, machine, others), found.is_measured)


def best_set(
    machine: Machine,
    languages: Sequence[str] = ("en",),
    among: Iterable[ModelEntry] | None = None,
    measured: Mapping[str, Measured] | None = None,
) -> tuple[ModelEntry, ...]:
    """One model of each kind that speak all of `languages` and fit `machine` together.

    Memory adds up. Cores are shared in time: the user is heard, then model and voice work side by side. A
    kind for which there is none is left out.
    """
    entries = tuple(packaged_entries() if among is None else among)
    fitting = [
        [
            each
            for each in entries
            if each.kind == kind
            and speaks(each, languages)
            and _judge(each, machine, (measured or {}).get(each.id)).verdict == "fits"
        ]
        for kind in ENGINE_KINDS
    ]
    sets = product(*([*enumerate(each), (ABSENT, None)] for each in fitting))
    possible = (each for each in sets if _fits_together([entry for _, entry in each], machine))
    return tuple(entry for _, entry in min(possible, key=_worth, default=()) if entry is not None)


def speaks(entry: ModelEntry, languages: Iterable[str]) -> bool:
    """Whether it knows each of them; "de" is met by "de-at", and "de-at" by "de"."""
    return all(any(_is_same_language(own, wanted.lower()) for own in entry.languages) for wanted in languages)


def _judge(entry: ModelEntry, machine: Machine, measured: Measured | None) -> Fit:
    if (hindrance := _hindrance(entry, machine)) is not None:
        return Fit("no", hindrance)
    if measured is not None and (found := _by_speed(measured)) is not None:
        return found
    if _is_on_gpu(entry, machine):
        return Fit("fits", f"runs on the {machine.graphics.name}")
    if entry.needs.cores > machine.cores:
        wanted, there = counted_cores(entry.needs.cores), counted_cores(machine.cores)
        return Fit("no", f"needs about {wanted} to keep up; this machine has {there}")
    if entry.memory + OWN_MEMORY_BYTES > machine.memory_bytes * TIGHT_MEMORY:
        return Fit("tight", f"takes {_gib(entry.memory)} of {_gib(machine.memory_bytes)} memory")
    return Fit("fits")


def _hindrance(entry: ModelEntry, machine: Machine) -> str | None:
    """What no speed makes up for."""
    if entry.engine == "llama.cpp" and machine.missing_llama_flags and not machine.has_llama_server:
        missing = ", ".join(flag.upper() for flag in machine.missing_llama_flags)
        return f"the built-in llama.cpp needs a processor with {missing}; install llama-server"
    if entry.needs.has_gpu and not machine.graphics.runs_speech:
        has = (
            f"sherpa-onnx is not built for the {machine.graphics.name}"
            if machine.graphics.name
            else "there is none"
        )
        return f"needs a GPU: {has}"
    if entry.memory + OWN_MEMORY_BYTES > machine.memory_bytes and not _is_on_gpu(entry, machine):
        there = _gib(machine.memory_bytes)
        return f"needs {_gib(entry.memory)} of memory beside {_gib(OWN_MEMORY_BYTES)}; there are {there}"
    return None


def _is_on_gpu(entry: ModelEntry, machine: Machine) -> bool:
    graphics = machine.graphics
    if entry.engine == "llama.cpp":
        is_roomy = not graphics.memory_bytes or entry.memory * GPU_MEMORY_SHARE <= graphics.memory_bytes
        return graphics.runs_llama and is_roomy
    return entry.needs.has_gpu and graphics.runs_speech


def _by_speed(measured: Measured) -> Fit | None:
    if (tokens := measured.tokens_per_second) is not None:
        verdict: Verdict = "fits" if tokens >= FITTING_TOKENS else "tight" if tokens >= TIGHT_TOKENS else "no"
        return Fit(verdict, f"wrote {tokens:.1f} tokens a second here (speech needs 4)", is_measured=True)
    if (factor := measured.real_time_factor) is not None:
        verdict = "fits" if factor <= FITTING_FACTOR else "tight" if factor <= TIGHT_FACTOR else "no"
        return Fit(verdict, f"took {factor:.2g} s for a second of speech here", is_measured=True)
    return None


def _smaller(entry: ModelEntry, machine: Machine, among: Iterable[ModelEntry]) -> str | None:
    """The best of those that ask for less, know the same languages (or the first of them) and fit."""
    lighter = [
        each
        for each in among
        if each.kind == entry.kind and each.id != entry.id and _weight(each) < _weight(entry)
    ]
    for wanted in (entry.languages, entry.languages[:1]):
        for each in lighter:
            if speaks(each, wanted) and _judge(each, machine, None).verdict == "fits":
                return each.id
    return None


def _weight(entry: ModelEntry) -> tuple[bool, int, int]:
    return entry.needs.has_gpu, entry.needs.cores, entry.memory


def _fits_together(entries: Sequence[ModelEntry | None], machine: Machine) -> bool:
    there = [entry for entry in entries if entry is not None]
    on_cpu = [entry for entry in there if not _is_on_gpu(entry, machine)]
    memory = sum(entry.memory for entry in on_cpu) + OWN_MEMORY_BYTES
    hearing = sum(entry.needs.cores for entry in on_cpu if entry.kind == "stt")
    answering = sum(entry.needs.cores for entry in on_cpu if entry.kind != "stt")
    return memory <= machine.memory_bytes * TIGHT_MEMORY and max(hearing, answering) <= machine.cores


def _worth(ranked: Sequence[tuple[int, ModelEntry | None]]) -> tuple[int, ...]:
    """Less is better: the sum of the ranks, then the rank in hearing, answering and speaking."""
    ranks = tuple(rank for rank, _ in ranked)
    return (sum(ranks), *ranks)


def _is_same_language(own: str, wanted: str) -> bool:
    return own == wanted or own.partition("-")[0] == wanted or own == wanted.partition("-")[0]


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / GIB:.1f} GB"
