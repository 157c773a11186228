"""How a model hears is measured on the model."""

from __future__ import annotations

import itertools

import pytest

from sottovoce.engines.stt.sherpa_streaming.pace import Pace, measure
from sottovoce.errors import EngineError
from tests.unit.engines.stt.sherpa_streaming.fake_recogniser import CHUNK_BYTES, PACE, FakeRecogniser


def test_steps_and_speed_are_found_out() -> None:
    ticks = itertools.count(step=0.03)
    pace = measure(FakeRecogniser(), lambda: next(ticks))
    assert (pace.first_bytes, pace.chunk_bytes) == (PACE.first_bytes, CHUNK_BYTES)
    assert (pace.chunk, pace.first) == (0.1, 0.15)
    assert pace.real_time_factor == pytest.approx(0.3)


def test_a_model_that_never_decodes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    recogniser = FakeRecogniser()
    monkeypatch.setattr(recogniser, "is_ready", lambda hearing: False)
    with pytest.raises(EngineError, match=r"decoded nothing of 10 s"):
        measure(recogniser)


def test_a_model_that_fails_says_so() -> None:
    with pytest.raises(EngineError, match="broken"):
        measure(FakeRecogniser(failures=[None, EngineError("broken", engine="stt")]))


def test_a_pace_is_in_seconds() -> None:
    assert Pace(21_440, 17_920, 0.28).real_time_factor == pytest.approx(0.5)
