"""What every process with conversations measures of them, for Prometheus, under the same names."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import fields

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from sottovoce import __version__
from sottovoce.config import EngineKind
from sottovoce.conversation.events import Latency, TurnMeasured
from sottovoce.conversation.failover import Outcome

Outcomes = Mapping[tuple[EngineKind, str, Outcome], int]
"""How often each engine answered, failed, was late, and so on: `Failover.outcomes`."""

TURN_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Seconds: below 0.3 s an answer feels instant, beyond 3 s like none."""


class TurnTimes:
    """The legs of spoken turns, voice to voice among them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._turns = Histogram(
            "sottovoce_turn_seconds",
            "Where the time of spoken turns went, leg by leg.",
            ("leg",),
            buckets=TURN_BUCKETS,
            registry=registry,
        )

    def measured(self, turn: TurnMeasured) -> None:
        """A spoken turn was answered."""
        for leg in fields(Latency):
            if (took_ms := getattr(turn.latency, leg.name)) is not None:
                self._turns.labels(leg.name).observe(took_ms / 1000)


def build() -> Metric:
    family = GaugeMetricFamily("sottovoce_build_info", "The version, as a label.", labels=("version",))
    family.add_metric((__version__,), 1)
    return family


def sessions(open_now: int) -> Metric:
    return GaugeMetricFamily("sottovoce_sessions", "Conversations that are open.", value=open_now)


def engine_outcomes(outcomes: Outcomes) -> Metric:
    family = CounterMetricFamily(
        "sottovoce_engine_outcomes",
        "What became of asking an engine: answered, failed, late; its breaker opened, closed.",
        labels=("kind", "model", "outcome"),
    )
    for (kind, model, outcome), count in Tally(outcomes).items():
        family.add_metric((kind, model, outcome), count)
    return family
