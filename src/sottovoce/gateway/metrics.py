"""What the server counts and measures, for Prometheus; no name, word or sound of anybody's is in it."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sottovoce.config import ENGINE_KINDS
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.gateway.limits import Slots
from sottovoce.gateway.route_names import RouteNames
from sottovoce.models.desk import ModelDesk
from sottovoce.models.desk_state import ModelState
from sottovoce.models.engine_room import EngineModel
from sottovoce.realtime.session_metrics import Outcomes, TurnTimes, build, engine_outcomes, sessions

REQUEST_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)

ENGINE_STATES = ("loading", "warming", "ready", "restarting", "failed", "draining")


@dataclass(frozen=True, slots=True)
class Watched:
    """Whom to ask when the metrics are read. `desk` is None where nobody looks after models, `relayed` where
    no signalling of rooms is relayed."""

    engines: EngineDirectory
    sessions: Slots
    outcomes: Callable[[], Outcomes] = dict
    desk: ModelDesk | None = None
    relayed: Slots | None = None


class Metrics:
    """One registry of our own, and what is counted as it happens."""

    def __init__(self, watched: Watched) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Now(watched))
        self._requests = Counter(
            "sottovoce_requests",
            "Requests answered, WebSocket handshakes included.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._durations = Histogram(
            "sottovoce_request_seconds",
            "Time from a request's headers to the end of its answer; WebSockets are left out.",
            ("route",),
            buckets=REQUEST_BUCKETS,
            registry=self.registry,
        )
        self.measured = TurnTimes(self.registry).measured

    def answered(self, route: str, method: str, status: int, seconds: float | None) -> None:
        self._requests.labels(route, method, str(status)).inc()
        if seconds is not None:
            self._durations.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)


class MeasureRequests:
    """ASGI middleware, the outermost: refusals count too."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, names: RouteNames, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self.app, self._metrics, self._names, self._now = app, metrics, names, now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        status, began = 500, self._now()

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        try:
            await self.app(scope, receive, send_and_look)
        finally:
            is_http = scope["type"] == "http"
            method = scope["method"] if is_http else "WEBSOCKET"
            took = self._now() - began if is_http else None
            self._metrics.answered(self._names.of(scope["path"]), _known(method), status, took)


def _known(method: str) -> str:
    """Clients may invent methods, and each would be a series of its own."""
    usual = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH", "WEBSOCKET")
    return method if method in usual else "other"


class _Now(Collector):
    """What is so when it is asked for."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterator[Metric]:
        yield from (build(), sessions(self._watched.sessions.taken))
        yield from self._engines()
        yield engine_outcomes(self._watched.outcomes())
        if (relayed := self._watched.relayed) is not None:
            what = "Participants of rooms whose signalling is relayed."
            yield GaugeMetricFamily("sottovoce_relayed_participants", what, value=relayed.taken)
        if (desk := self._watched.desk) is not None:
            yield from _models(desk.states())
            yield _restarts(desk.chains())
            downloaded = CounterMetricFamily("sottovoce_downloaded_bytes", "Bytes of models downloaded.")
            downloaded.add_metric((), desk.fetched_bytes)
            yield downloaded

    def _engines(self) -> Iterator[Metric]:
        labels = ("kind", "model")
        states = GaugeMetricFamily(
            "sottovoce_engine_state", "1 for the state that an engine is in.", labels=(*labels, "state")
        )
        loads = _gauge("sottovoce_model_load_seconds", "Time that the last load took.", labels)
        memory = _gauge("sottovoce_model_memory_bytes", "Memory that the engine's processes held.", labels)
        sizes = _gauge("sottovoce_engine_files_bytes", "Size of the files that the engine loaded.", labels)
        for kind in ENGINE_KINDS:
            # a model that is loaded anew is there twice; the one on its way out comes last
            members = {each.model: each for each in reversed(self._watched.engines.members(kind))}
            for member in members.values():
                at = (kind, member.model)
                for state in ENGINE_STATES:
                    states.add_metric((*at, state), float(state == member.state))
                _add(loads, at, member.load_seconds)
                _add(memory, at, member.memory_bytes)
                _add(sizes, at, member.size_bytes)
        yield from (states, loads, memory, sizes)


def _models(states: Sequence[ModelState]) -> Iterator[Metric]:
    labels = ("kind", "model")
    sizes = _gauge("sottovoce_model_size_bytes", "Disk that an installed model takes.", labels)
    progress = _gauge("sottovoce_download_progress", "Share of a running download that is here.", labels)
    rates = _gauge("sottovoce_download_bytes_per_second", "Rate of a running download.", labels)
    for state in states:
        at = (state.entry.kind, state.entry.id)
        if state.is_installed and not state.entry.is_embedded:
            sizes.add_metric(at, state.size_bytes)
        if state.state == "downloading":
            progress.add_metric(at, state.progress or 0.0)
            rates.add_metric(at, state.rate)
    yield from (sizes, progress, rates)


def _restarts(engines: Iterable[EngineModel]) -> Metric:
    family = CounterMetricFamily(
        "sottovoce_engine_restarts", "Times that an engine was started again.", labels=("kind", "model")
    )
    counts: Tally[tuple[str, str]] = Tally()
    for engine in engines:
        counts[engine.kind, engine.model] += engine.restarts
    for at, count in counts.items():
        family.add_metric(at, count)
    return family


def _gauge(name: str, what: str, labels: Sequence[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, labels=labels)


def _add(family: GaugeMetricFamily, at: Sequence[str], value: float | None) -> None:
    if value is not None:
        family.add_metric(at, value)
