from __future__ import annotations

import pytest

from sottovoce.errors import LimitExceededError, ServerFullError
from sottovoce.gateway.limits import Slots


def test_a_full_house_refuses_and_a_free_place_is_taken_again() -> None:
    slots = Slots(2, "sessions")
    first, second = slots.take(), slots.take()
    with pytest.raises(ServerFullError) as caught:
        slots.take()
    assert isinstance(caught.value, LimitExceededError)
    assert (caught.value.http_status, caught.value.code) == (503, "rate_limit_exceeded")
    first.release()
    first.release()
    assert slots.taken == 1
    slots.take()
    second.release()
    assert slots.taken == 1


def test_a_place_is_given_back_when_the_work_fails() -> None:
    slots = Slots(1, "sessions")
    with pytest.raises(ZeroDivisionError), slots.take():
        raise ZeroDivisionError
    assert slots.taken == 0
