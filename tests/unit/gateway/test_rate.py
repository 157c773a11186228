from __future__ import annotations

import pytest

from sottovoce.errors import LimitExceededError
from sottovoce.gateway.rate import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rate(clock: Clock) -> Rate:
    return Rate(3, 2.0, "rooms", clock)


def refused(rate: Rate, client: str) -> float:
    with pytest.raises(LimitExceededError, match="rooms") as caught:
        rate.spend(client)
    assert caught.value.retry_after is not None
    return caught.value.retry_after


def test_a_burst_at_once_and_then_one_per_interval(rate: Rate, clock: Clock) -> None:
    for _ in range(3):
        rate.spend("ann")
    assert refused(rate, "ann") == 2
    clock.now += 1.5
    assert refused(rate, "ann") == 1
    clock.now += 0.5
    rate.spend("ann")
    assert refused(rate, "ann") == 2


def test_coming_back_when_told_is_soon_enough(rate: Rate, clock: Clock) -> None:
    for _ in range(3):
        rate.spend("ann")
    clock.now += refused(rate, "ann")
    rate.spend("ann")


def test_refusals_cost_nothing(rate: Rate, clock: Clock) -> None:
    for _ in range(3):
        rate.spend("ann")
    for _ in range(50):
        refused(rate, "ann")
    clock.now += 2.0
    rate.spend("ann")


def test_the_others_are_not_affected(rate: Rate) -> None:
    for _ in range(3):
        rate.spend("ann")
    refused(rate, "ann")
    rate.spend("ben")


def test_a_burst_is_whole_again_after_a_while_and_never_more_than_that(rate: Rate, clock: Clock) -> None:
    rate.spend("ann")
    clock.now += 10_000
    for _ in range(3):
        rate.spend("ann")
    refused(rate, "ann")


def test_who_has_not_come_for_a_while_is_forgotten(rate: Rate, clock: Clock) -> None:
    for number in range(1000):
        rate.spend(f"client {number}")
    assert len(rate) == 1000
    clock.now += 6.0
    rate.spend("ann")
    assert len(rate) == 1
