from __future__ import annotations

from sottovoce.livekit.room.inbox import Allowance


def test_an_allowance_is_used_up_and_grows_again() -> None:
    now = 0.0
    allowance = Allowance(3, 1.0, lambda: now)
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    now = 0.5
    assert not allowance.take()
    now = 1.0
    assert [allowance.take() for _ in range(2)] == [True, False]
    now = 60.0
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
