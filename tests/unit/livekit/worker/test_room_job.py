"""When a job leaves a room that everybody left."""

from __future__ import annotations

import math

import pytest

from sottovoce.livekit.worker.room_job import _before

TOLD_LATE = 3.0
"""Seconds that the server may take to tell that somebody left who published nothing."""
TO_LEAVE = 2.0
"""Seconds that a worker on a busy machine takes to leave."""


def server_closes_after(timeout: int, left_at: float) -> float:
    """When livekit-server closes the room, in seconds since the last user left: it counts by whole ones."""
    return math.floor(left_at) + timeout - left_at


@pytest.mark.parametrize("left_at", [100.0, 100.5, 100.999])
@pytest.mark.parametrize("timeout", [12, 20, 600])
def test_a_deserted_room_is_left_before_the_server_closes_it(timeout: int, left_at: float) -> None:
    assert TOLD_LATE + _before(timeout) + TO_LEAVE <= server_closes_after(timeout, left_at)


def test_a_short_timeout_is_not_given_up_as_a_whole() -> None:
    assert [_before(timeout) for timeout in (0, 1, 4)] == [0, 0.5, 2]
