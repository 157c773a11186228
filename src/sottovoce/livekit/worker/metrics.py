"""What a worker counts, for Prometheus; no name, word, sound or room of anybody's is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sottovoce.config import ENGINE_KINDS, EngineKind
from sottovoce.livekit.worker.room_job import Outcome
from sottovoce.realtime.session_metrics import Outcomes, TurnTimes, build, engine_outcomes, sessions

JOIN_BUCKETS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 15.0)
"""Seconds from the offer of a job to the assistant in its room."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A worker as it is when the metrics are read."""

    load: float
    sessions: int
    max_sessions: int
    is_registered: bool
    is_draining: bool
    missing: tuple[EngineKind, ...]
    asked_again: int
    outcomes: Outcomes


class WorkerMetrics:
    """One registry, and what is counted as it happens."""

    def __init__(self, observe: Callable[[], Observed]) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Now(observe))
        self._offers = Counter(
            "sottovoce_worker_offers",
            "Jobs that were offered: accepted, or refused for what reason.",
            ("answer",),
            registry=self.registry,
        )
        self._jobs = Counter(
            "sottovoce_worker_jobs",
            "Jobs that are over, by how they went.",
            ("outcome",),
            registry=self.registry,
        )
        self._joins = Histogram(
            "sottovoce_worker_join_seconds",
            "Time from the offer of a job to the assistant in its room.",
            buckets=JOIN_BUCKETS,
            registry=self.registry,
        )
        self.measured = TurnTimes(self.registry).measured

    def offered(self, answer: str) -> None:
        self._offers.labels(answer).inc()

    def over(self, outcome: Outcome) -> None:
        self._jobs.labels(outcome).inc()

    def joined(self, seconds: float) -> None:
        self._joins.observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)


class _Now(Collector):
    def __init__(self, observe: Callable[[], Observed]) -> None:
        self._observe = observe

    def collect(self) -> Iterator[Metric]:
        now = self._observe()
        yield from (build(), sessions(now.sessions))
        yield _gauge("sessions_max", "Conversations that this worker takes.", now.max_sessions)
        yield _gauge("load", "Share of what this worker can do; from 1 on it takes no job.", now.load)
        yield _gauge("registered", "1 while the LiveKit server knows this worker.", now.is_registered)
        yield _gauge("draining", "1 once this worker was asked to stop.", now.is_draining)
        engines = GaugeMetricFamily(
            "sottovoce_worker_engine_up", "1 while somebody answers for this kind.", labels=("kind",)
        )
        for kind in ENGINE_KINDS:
            engines.add_metric((kind,), float(kind not in now.missing))
        again = CounterMetricFamily(
            "sottovoce_worker_asked_again", "Rooms without an assistant for which one was asked for again."
        )
        again.add_metric((), now.asked_again)
        yield from (engines, again, engine_outcomes(now.outcomes))


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"sottovoce_worker_{name}", what, value=float(value))
