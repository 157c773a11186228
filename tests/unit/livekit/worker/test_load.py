from __future__ import annotations

import pytest

from sottovoce.livekit.worker.load import BUSY, TARGET, WINDOW, Clock, Processor, load, told


class Times:
    def __init__(self) -> None:
        self.now, self.used = 100.0, 5.0

    def clock(self) -> Clock:
        return Clock(lambda: self.used, lambda: self.now)

    def pass_by(self, clock: Clock, seconds: float, share: float) -> float:
        """Somebody asks twice a second."""
        for _ in range(round(seconds * 2)):
            self.now += 0.5
            self.used += 0.5 * share
            found = clock.share
        return found


def _processor(share: float, cores: float = 4.0, loop: float = 0.0) -> Processor:
    whole, own = Times(), Times()
    process, thread = whole.clock(), own.clock()
    whole.pass_by(process, WINDOW * 2, share)
    own.pass_by(thread, WINDOW * 2, loop)
    return Processor(cores, process, thread)


def test_a_start_is_busy_and_counts_for_nothing() -> None:
    times = Times()
    clock = times.clock()
    assert clock.share == 0
    assert times.pass_by(clock, WINDOW - 0.5, 1.0) == 0
    assert times.pass_by(clock, 0.5, 1.0) == pytest.approx(1.0)


def test_the_share_is_of_the_last_seconds() -> None:
    times = Times()
    clock = times.clock()
    times.pass_by(clock, 10, 1.0)
    assert times.pass_by(clock, WINDOW, 0.2) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("taken", "limit", "expected"), [(0, 8, 0), (4, 8, 0.5), (7, 8, 7 / 8), (8, 8, 1), (9, 8, 1), (1, 1, 1)]
)
def test_an_idle_processor_leaves_the_load_to_the_places(taken: int, limit: int, expected: float) -> None:
    assert load(taken, limit, _processor(0.0)) == pytest.approx(expected)


def test_all_cores_count_and_the_loop_has_only_one() -> None:
    assert load(0, 8, _processor(2.0, cores=4.0)) == pytest.approx(0.5 / BUSY)
    assert load(0, 8, _processor(1.0, cores=8.0, loop=0.6)) == pytest.approx(0.6 / BUSY)
    assert load(0, 8, _processor(1.0, cores=8.0, loop=BUSY)) == 1
    assert load(0, 8, _processor(0.5, cores=0.5)) == 1


def test_the_server_offers_jobs_for_as_long_as_there_is_one_place() -> None:
    """It sends none to whom says its `target_load` or more."""
    for limit in (1, 8, 1000):
        assert told(load(limit - 1, limit, _processor(0.0))) < TARGET - 1e-4
        assert told(load(limit, limit, _processor(0.0))) == 1
