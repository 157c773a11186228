from __future__ import annotations

import pytest

from sottovoce.engines.stt.overload import CODE, RETRY_AFTER
from sottovoce.engines.stt.sherpa_offline.pace import LONGEST_PATIENCE, Pace
from sottovoce.errors import LimitExceededError


def test_as_many_may_speak_as_the_machine_hears_in_real_time() -> None:
    pace = Pace("whisper-small", speed=0.4)
    pace.admit(speaking=0)
    pace.admit(speaking=1)
    with pytest.raises(
        LimitExceededError, match=r"takes whisper-small 0\.40 s, and 2 are speaking"
    ) as refused:
        pace.admit(speaking=2)
    assert (refused.value.code, refused.value.retry_after) == (CODE, RETRY_AFTER)


def test_one_is_heard_however_slow_the_machine_is() -> None:
    """Better late than never; who falls behind by himself is told by the clock."""
    Pace("whisper-turbo", speed=3.0).admit(speaking=0)


def test_nobody_joins_a_long_line() -> None:
    pace = Pace("whisper-base", speed=0.1)
    with pace.waiting(28.0), pace.waiting(20.0):
        pace.admit(speaking=2)
        with pace.waiting(5.0), pytest.raises(LimitExceededError):
            pace.admit(speaking=3)
    assert pace.behind == 0.0


def test_the_speed_follows_what_is_measured() -> None:
    pace = Pace("whisper-base", speed=0.1)
    for _ in range(30):
        pace.learn(took=3.0, duration=10.0)
    assert pace.speed == pytest.approx(0.3, abs=0.01)


def test_the_patience_grows_with_the_work_and_ends() -> None:
    pace = Pace("whisper-base", speed=0.1)
    assert pace.deadline(1.0) == pytest.approx(12.0)
    assert pace.deadline(28.0) == pytest.approx(66.0)
    assert Pace("whisper-turbo", speed=5.0).deadline(28.0) == LONGEST_PATIENCE
