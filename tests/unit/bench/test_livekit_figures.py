"""What many conversations came to: the arithmetic of `bench/livekit_rooms.py`."""

from __future__ import annotations

import pytest

from bench.livekit_figures import Costs, Outcome, Step, percentile, row

COSTS = Costs(
    worker_cpu=40.0,
    server_cpu=8.0,
    clients_cpu=20.0,
    machine_cpu=60.0,
    worker_mb=180.0,
    worker_idle_mb=100.0,
    server_mb=50.0,
)


def answered(*ms: float, silent: float = 300.0) -> Outcome:
    return Outcome(True, 500.0, list(ms), [silent], [900.0])


def test_percentiles_are_of_all_turns_and_the_spread_is_that_of_the_measurements() -> None:
    steps = [
        Step("A", 2, [answered(500, 600), answered(700, 800)], COSTS),
        Step("A", 2, [answered(100, 100), answered(100, 2000)], COSTS),
    ]
    found = row(steps)
    assert found.turns == 8
    assert found.voice_to_voice_p50 == percentile([500, 600, 700, 800, 100, 100, 100, 2000], 50) == 550
    assert found.voice_to_voice_p95 == pytest.approx(1580)
    assert found.spread == (100, 650)
    assert (found.silent_p50, found.silent_max, found.after_interruption_p50) == (300, 300, 900)


def test_costs_are_for_each_who_was_admitted() -> None:
    refused = Outcome(is_admitted=False)
    found = row([Step("A", 4, [answered(500), answered(500), refused, refused], COSTS)])
    assert (found.worker_cpu_each, found.server_cpu_each, found.worker_mb_each) == (20, 4, 40)
    assert (found.clients_cpu, found.worker_mb_idle, found.server_mb) == (20, 100, 50)
    assert found.refused == 2


def test_one_who_failed_was_not_refused() -> None:
    failed = Outcome(error="ConnectError: no")
    found = row([Step("A", 2, [answered(500), failed], COSTS)])
    assert (found.refused, found.errors) == (0, ["ConnectError: no"])
    assert found.troubles(1500) == ["1 failed (ConnectError: no)"]


def test_it_breaks_where_the_slowest_are_too_slow() -> None:
    found = row([Step("A", 1, [answered(500, 500, 500, 3000)], COSTS)])
    assert found.troubles(1500) == ["p95 over 1500 ms"]
    assert not found.troubles(3000)


def test_it_breaks_where_somebody_is_refused_or_not_answered() -> None:
    outcomes = [Outcome(True, 500.0, [500.0], unanswered=2), Outcome()]
    assert row([Step("A", 2, outcomes, COSTS)]).troubles(1500) == ["1 refused", "2 unanswered"]


def test_where_nobody_was_answered_there_are_no_figures() -> None:
    found = row([Step("A", 1, [Outcome()], None)])
    assert found.spread == (None, None)
    assert (found.voice_to_voice_p50, found.worker_cpu_each, found.worker_mb_each) == (None, None, None)
    assert found.troubles(1500) == ["nobody was answered", "1 refused"]
