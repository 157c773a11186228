"""Turns are decoded in a fair order, by threads that a test holds and lets go."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from sottovoce.engines.stt.sherpa_streaming.scheduler import (
    FILE_PATIENCE,
    LAG_MEMORY,
    Result,
    Scheduler,
    Turn,
)
from sottovoce.errors import EngineCrashed, EngineError
from tests.unit.engines.stt.sherpa_streaming.fake_recogniser import (
    PACE,
    PATIENCE,
    SOUND,
    FakeRecogniser,
)

FULL = SOUND * 2
assert len(FULL) >= PACE.first_bytes


class Desk:
    """One thread for each lane, a clock that stands still, and the results in their order."""

    def __init__(self, threads: int = 1, batch: int = 1) -> None:
        self.now = 100.0
        self.recogniser = FakeRecogniser()
        self.scheduler = Scheduler(self.recogniser, threads, batch, lambda: self.now)
        self.results: queue.Queue[Result] = queue.Queue()

    def submit(
        self, deadline: float = 0.0, lane: Literal["live", "file"] = "live", pcm: bytes = FULL
    ) -> Turn:
        hearing = self.recogniser.begin("")
        turn = Turn(hearing, deque([pcm]), self.results.put, self.now, deadline, lane)
        self.scheduler.submit(turn)
        return turn

    def hold(self, lane: Literal["live", "file"] = "live") -> None:
        """Keep the thread of a lane at a first turn."""
        self.recogniser.gate.clear()
        self.submit(lane=lane)
        assert self.recogniser.entered.acquire(timeout=PATIENCE)

    def let_go(self, results: int) -> list[Result]:
        self.recogniser.gate.set()
        return [self.results.get(timeout=PATIENCE) for _ in range(results)]


@pytest.fixture
def make_desk() -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(threads: int = 1, batch: int = 1) -> Desk:
        desks.append(Desk(threads, batch))
        return desks[-1]

    yield make
    for desk in desks:
        desk.recogniser.gate.set()
        desk.scheduler.stop()
        assert desk.scheduler.join(PATIENCE)


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


def test_the_earliest_deadline_is_first(desk: Desk) -> None:
    desk.hold()
    for deadline in (3.0, 1.0, 2.0):
        desk.submit(deadline)
    desk.let_go(4)
    assert desk.recogniser.log == ["a", "c", "d", "b"]


def test_a_turn_is_one_chunk_and_tells_whether_there_is_more(desk: Desk) -> None:
    desk.submit(pcm=FULL * 2)
    (result,) = desk.let_go(1)
    assert (result.took_bytes, result.chunks, result.is_ready) == (2 * len(FULL), 1, True)
    assert result.tokens.texts == [" a1"]
    desk.submit(pcm=b"\0\0")
    (result,) = desk.let_go(1)
    assert (result.took_bytes, result.chunks, result.is_ready) == (2, 0, False)


def test_live_turns_go_before_files(desk: Desk) -> None:
    desk.hold()
    desk.submit(lane="file")
    desk.submit(deadline=1.0)
    desk.let_go(3)
    assert desk.recogniser.log == ["a", "c", "b"]


def test_a_file_does_not_wait_for_ever(desk: Desk) -> None:
    desk.hold()
    desk.submit(lane="file")
    desk.submit(deadline=1.0)
    desk.now += FILE_PATIENCE
    desk.submit(lane="file")  # which has the threads look
    assert desk.recogniser.entered.acquire(timeout=PATIENCE)  # beside the one that holds the live lane
    desk.let_go(4)


def test_a_file_holds_nobody_up(desk: Desk) -> None:
    """It is in a thread of its own."""
    desk.hold("file")
    desk.submit(deadline=1.0)
    assert desk.recogniser.entered.acquire(timeout=PATIENCE)
    desk.let_go(2)


def test_what_was_cancelled_is_not_decoded(desk: Desk) -> None:
    desk.hold()
    desk.submit(1.0).is_cancelled = True
    desk.submit(2.0)
    desk.let_go(2)
    assert desk.recogniser.log == ["a", "c"]


class EmptiedMeanwhile(deque[bytes]):
    """Its stream is closed between a look at it and the taking."""

    def __len__(self) -> int:
        return 1


def test_a_stream_that_is_closed_costs_those_beside_it_nothing(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(batch=2)
    desk.hold()
    desk.submit(1.0)
    desk.submit(2.0).audio = EmptiedMeanwhile()
    results = desk.let_go(3)
    assert [(result.failure, result.took_bytes) for result in results] == [
        (None, len(FULL)),
        (None, len(FULL)),
        (None, 0),
    ]


def test_a_batch_holds_the_most_urgent(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(batch=2)
    desk.hold()
    for deadline in (3.0, 1.0, 2.0):
        desk.submit(deadline)
    desk.submit(2.5, pcm=b"\0\0")  # nothing to decode yet, beside one that has
    desk.let_go(5)
    assert desk.recogniser.log == ["a", "c", "d", "b"]
    assert desk.recogniser.batches == [1, 2, 1]


def test_what_need_not_wait_is_not_batched(make_desk: Callable[..., Desk]) -> None:
    """Two threads share what waits, and each takes the half of it as one batch."""
    desk = make_desk(threads=2, batch=4)
    desk.hold()
    desk.hold()
    for _ in range(4):
        desk.submit(1.0)
    desk.let_go(6)
    assert sum(desk.recogniser.batches) == 6
    assert sorted(desk.recogniser.batches)[:2] == [1, 1]
    assert max(desk.recogniser.batches) == 2


@pytest.mark.parametrize(
    ("raised", "kind"), [(EngineError("no", engine="stt"), EngineError), (OSError("no"), EngineCrashed)]
)
def test_a_failure_is_that_of_its_turn_alone(
    desk: Desk, raised: Exception, kind: type[EngineError], caplog: pytest.LogCaptureFixture
) -> None:
    desk.recogniser.failures = [raised]
    desk.submit()
    (failed,) = desk.let_go(1)
    assert isinstance(failed.failure, kind)
    assert ("Traceback" in caplog.text) == (kind is EngineCrashed)
    desk.submit()
    (result,) = desk.let_go(1)
    assert result.failure is None


def test_what_runs_can_be_looked_at(desk: Desk) -> None:
    desk.hold()
    desk.now += 7.0
    (running,) = desk.scheduler.running()
    assert running.started == 100.0
    desk.let_go(1)
    desk.submit()
    desk.let_go(1)  # of the same thread, which has put the first one away
    assert running not in desk.scheduler.running()


def test_the_lag_is_the_wait_for_a_thread(desk: Desk) -> None:
    assert desk.scheduler.lag == 0.0
    desk.hold()
    desk.submit(1.0)
    desk.now += 2.0
    assert desk.scheduler.lag == 2.0
    desk.let_go(2)
    assert desk.scheduler.lag == 2.0  # remembered
    desk.now += LAG_MEMORY
    assert desk.scheduler.lag == 0.0


def test_streams_are_decoded_side_by_side(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(threads=3)
    together = threading.Barrier(3)
    desk.recogniser.on_decode = lambda: together.wait(PATIENCE) and None
    for _ in range(3):
        desk.submit()
    assert [result.failure for result in desk.let_go(3)] == [None] * 3


def test_stopping_leaves_what_waits(desk: Desk) -> None:
    desk.hold()
    desk.submit(1.0)
    desk.scheduler.stop()
    desk.let_go(1)
    assert desk.scheduler.join(PATIENCE)
    assert desk.results.empty()
