"""When an engine is passed over, and what it takes to be asked again."""

from __future__ import annotations

import pytest

from sottovoce.conversation.breaker import (
    FAILURES,
    FIRST_REST,
    LONGEST_REST,
    TRIAL_MARGIN,
    TRIAL_SHARE,
    Breaker,
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    for _ in range(FAILURES - 1):
        assert not breaker.failed("refused")
    assert breaker.state == "closed"
    assert breaker.failed("refused again")
    assert (breaker.state, breaker.reason) == ("open", "refused again")
    assert not breaker.failed("and again")  # it is open already


def test_failures_with_successes_between_do_not(breaker: Breaker) -> None:
    for _ in range(3 * FAILURES):
        breaker.failed("refused")
        assert not breaker.succeeded()
    assert breaker.state == "closed"


def test_one_deadline_that_passes_does(breaker: Breaker) -> None:
    assert breaker.failed("late", is_late=True)
    assert breaker.state == "open"


def test_it_is_tried_once_it_says_that_it_is_well_by_one_at_a_time(breaker: Breaker, clock: Clock) -> None:
    breaker.failed("late", is_late=True)
    assert not breaker.can_be_tried
    breaker.says_it_is_well()
    assert breaker.can_be_tried
    patience = breaker.trial(9.0)
    assert not breaker.can_be_tried
    clock.now += patience  # whoever tried it went away without a word
    assert breaker.can_be_tried
    assert breaker.succeeded(0.5)
    assert breaker.state == "closed"


def test_a_trial_costs_a_part_of_the_deadline(breaker: Breaker) -> None:
    assert breaker.trial_patience(9.0) == pytest.approx(9.0 * TRIAL_SHARE)


def test_who_is_known_to_take_longer_gets_longer(breaker: Breaker) -> None:
    breaker.succeeded(4.0)
    breaker.succeeded(1.0)
    assert breaker.trial_patience(9.0) == pytest.approx(4.0 * TRIAL_MARGIN)
    assert breaker.trial_patience(5.0) == 5.0


def test_rests_grow_with_each_trial_that_fails_and_start_anew_after_one_that_works(breaker: Breaker) -> None:
    rests = []
    for _ in range(8):
        breaker.failed("late", is_late=True)
        rests.append(breaker.rest)
        breaker.says_it_is_well()
    assert rests == [2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_REST, LONGEST_REST, LONGEST_REST]
    breaker.succeeded()
    breaker.failed("late", is_late=True)
    assert breaker.rest == FIRST_REST


def test_a_trial_that_fails_opens_it_at_once(breaker: Breaker) -> None:
    breaker.failed("late", is_late=True)
    breaker.says_it_is_well()
    assert breaker.failed("refused")
    assert breaker.state == "open"


def test_what_was_not_open_needs_no_word_of_being_well(breaker: Breaker) -> None:
    breaker.says_it_is_well()
    assert breaker.state == "closed"
