"""A stream that the machine could not keep up with is refused at once."""

from __future__ import annotations

import pytest

from sottovoce.engines.stt.overload import CODE
from sottovoce.engines.stt.sherpa_streaming.admission import MAX_STREAMS, Admission
from sottovoce.engines.stt.sherpa_streaming.pace import Pace
from sottovoce.errors import LimitExceededError


@pytest.mark.parametrize(
    ("decoding", "threads", "capacity"),
    [(0.238, 2, 3), (0.238, 4, 7), (0.238, 1, 1), (0.9, 1, 1), (0.0, 2, MAX_STREAMS)],
)
def test_the_capacity_follows_from_what_a_chunk_takes(decoding: float, threads: int, capacity: int) -> None:
    pace = Pace(21_440, 17_920, decoding)  # of 560 ms
    assert Admission.at(pace, threads).capacity == capacity


@pytest.mark.parametrize(
    ("streams", "hearing", "lag", "is_live", "code"),
    [
        (15, 2, 0.9, True, None),
        (16, 0, 0.0, True, "rate_limit_exceeded"),
        (16, 0, 0.0, False, "rate_limit_exceeded"),
        (3, 3, 0.0, True, CODE),
        (3, 3, 5.0, False, None),
        (3, 0, 1.1, True, CODE),
    ],
)
def test_one_too_many_is_refused(
    streams: int, hearing: int, lag: float, is_live: bool, code: str | None
) -> None:
    admission = Admission(capacity=3)
    if code is None:
        admission.check(streams, hearing, lag, is_live=is_live)
        return
    with pytest.raises(LimitExceededError) as caught:
        admission.check(streams, hearing, lag, is_live=is_live)
    assert (caught.value.http_status, caught.value.code) == (429, code)
    assert caught.value.retry_after
