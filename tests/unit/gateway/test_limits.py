from __future__ import annotations

import asyncio

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


async def test_a_closed_house_waits_for_its_guests() -> None:
    slots = Slots(2, "sessions")
    await slots.wait_until_free()
    guest = slots.take()
    slots.close()
    with pytest.raises(ServerFullError, match="shutting down"):
        slots.take()
    waiting = asyncio.create_task(slots.wait_until_free())
    await asyncio.sleep(0)
    assert not waiting.done()
    guest.release()
    await waiting
