from sottovoce.processes.backoff import Backoff


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(first=1, longest=5, patience=10)
    assert [backoff.delay(0) for _ in range(5)] == [1, 2, 4, 5, 5]


def test_a_life_that_stood_starts_the_waits_anew() -> None:
    backoff = Backoff(first=1, stable_after=20)
    assert [backoff.delay(0), backoff.delay(19.9), backoff.delay(20), backoff.delay(0)] == [1, 2, 1, 2]


def test_patience_runs_out_and_comes_back() -> None:
    backoff = Backoff(first=1, slow=60, patience=3)
    assert [backoff.delay(0) for _ in range(2)] == [1, 2]
    assert not backoff.is_exhausted
    assert [backoff.delay(0) for _ in range(2)] == [60, 60]
    assert backoff.is_exhausted
    assert backoff.delay(100) == 1
    assert not backoff.is_exhausted
