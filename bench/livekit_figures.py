"""What one measurement of `livekit_rooms.py` came to, and several of them together."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

Number: TypeAlias = float | None


@dataclass
class Outcome:
    """What one of them met with; all times are milliseconds."""

    is_admitted: bool = False
    joined_ms: float = 0.0
    voice_to_voice_ms: list[float] = field(default_factory=list)
    silent_ms: list[float] = field(default_factory=list)
    """From the start of speech over a reply to its last audible sample."""
    after_interruption_ms: list[float] = field(default_factory=list)
    """Voice to voice of what was said over a reply."""
    cut_ins: int = 0
    """Replies that began before the end of the speech."""
    unanswered: int = 0
    error: str | None = None


@dataclass(frozen=True)
class Costs:
    """`*_cpu` are percent of one core while all were talking; memory is in MB, `idle` before anybody came."""

    worker_cpu: float
    server_cpu: float
    clients_cpu: float
    machine_cpu: float
    worker_mb: float
    worker_idle_mb: float
    server_mb: float


@dataclass(frozen=True)
class Step:
    """So many participants with one contender, once."""

    contender: str
    sessions: int
    outcomes: Sequence[Outcome]
    costs: Costs | None
    """None where nobody was admitted."""

    @property
    def admitted(self) -> int:
        return sum(outcome.is_admitted for outcome in self.outcomes)

    @property
    def refused(self) -> int:
        return sum(not outcome.is_admitted and outcome.error is None for outcome in self.outcomes)

    @property
    def errors(self) -> list[str]:
        return [outcome.error for outcome in self.outcomes if outcome.error is not None]

    @property
    def unanswered(self) -> int:
        return sum(outcome.unanswered for outcome in self.outcomes)


@dataclass(frozen=True)
class Row:
    """All measurements of one contender with so many participants. Times are milliseconds, percentiles those
    of all turns; `spread` is the least and the greatest median of the single measurements."""

    contender: str
    sessions: int
    turns: int
    voice_to_voice_p50: Number
    voice_to_voice_p95: Number
    spread: tuple[Number, Number]
    silent_p50: Number
    silent_max: Number
    after_interruption_p50: Number
    joined_p50: Number
    cut_ins: int
    unanswered: int
    refused: int
    errors: list[str]
    worker_cpu_each: Number
    server_cpu_each: Number
    clients_cpu: Number
    machine_cpu: Number
    worker_mb_idle: Number
    worker_mb_each: Number
    server_mb: Number

    def troubles(self, bound_ms: float) -> list[str]:
        """Why this does not hold, nothing where it does."""
        found = []
        if self.voice_to_voice_p95 is None:
            found.append("nobody was answered")
        elif self.voice_to_voice_p95 > bound_ms:
            found.append(f"p95 over {bound_ms:.0f} ms")
        for name, number in (("refused", self.refused), ("unanswered", self.unanswered)):
            if number:
                found.append(f"{number} {name}")
        if self.errors:
            found.append(f"{len(self.errors)} failed ({self.errors[0]})")
        return found


def percentile(values: Sequence[float], percent: float) -> Number:
    return round(float(np.percentile(values, percent)), 1) if len(values) else None


def row(steps: Sequence[Step]) -> Row:
    """Of measurements of the same contender with the same number of participants."""

    def pooled(of: Callable[[Outcome], Iterable[float]]) -> list[float]:
        return [value for step in steps for outcome in step.outcomes for value in of(outcome)]

    def cost(of: Callable[[Costs, int], float]) -> Number:
        """The median of the single measurements."""
        known = [of(step.costs, step.admitted) for step in steps if step.costs is not None and step.admitted]
        return round(statistics.median(known), 1) if known else None

    totals, silent = pooled(lambda one: one.voice_to_voice_ms), pooled(lambda one: one.silent_ms)
    return Row(
        steps[0].contender,
        steps[0].sessions,
        turns=len(totals),
        voice_to_voice_p50=percentile(totals, 50),
        voice_to_voice_p95=percentile(totals, 95),
        spread=_spread(steps),
        silent_p50=percentile(silent, 50),
        silent_max=percentile(silent, 100),
        after_interruption_p50=percentile(pooled(lambda one: one.after_interruption_ms), 50),
        joined_p50=percentile(pooled(lambda one: [one.joined_ms] if one.is_admitted else []), 50),
        cut_ins=sum(outcome.cut_ins for step in steps for outcome in step.outcomes),
        unanswered=sum(step.unanswered for step in steps),
        refused=sum(step.refused for step in steps),
        errors=[error for step in steps for error in step.errors],
        worker_cpu_each=cost(lambda costs, admitted: costs.worker_cpu / admitted),
        server_cpu_each=cost(lambda costs, admitted: costs.server_cpu / admitted),
        clients_cpu=cost(lambda costs, _: costs.clients_cpu),
        machine_cpu=cost(lambda costs, _: costs.machine_cpu),
        worker_mb_idle=cost(lambda costs, _: costs.worker_idle_mb),
        worker_mb_each=cost(lambda costs, admitted: (costs.worker_mb - costs.worker_idle_mb) / admitted),
        server_mb=cost(lambda costs, _: costs.server_mb),
    )


def _spread(steps: Sequence[Step]) -> tuple[Number, Number]:
    medians = [
        statistics.median(values)
        for step in steps
        if (values := [ms for outcome in step.outcomes for ms in outcome.voice_to_voice_ms])
    ]
    return (round(min(medians), 1), round(max(medians), 1)) if medians else (None, None)
