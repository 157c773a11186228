import numpy as np
import pytest

from sottovoce.engines.tts.pace import MAX_STREAMS, Pace, Speech
from sottovoce.engines.tts.seams import LEAD, PAUSES, SENTENCE_PAUSE, trimmed

RATE = 1000


def test_the_machine_decides_how_many_may_speak() -> None:
    assert Pace(1, 0.4).max_streams == 5
    assert Pace(2, 0.4).max_streams == 10
    assert Pace(1, 3.0).max_streams == 2
    assert Pace(4, 0.001).max_streams == MAX_STREAMS


def test_the_figure_follows_what_is_measured() -> None:
    pace = Pace(1)
    pace.start(0.4, 1.0)
    assert pace.real_time_factor == 0.4
    for _ in range(50):
        pace.learn(1.6, 2.0)
    assert pace.real_time_factor == pytest.approx(0.8, abs=0.01)
    pace.learn(1.0, 0.0)
    assert pace.real_time_factor == pytest.approx(0.8, abs=0.01)


def test_a_clause_may_take_as_long_to_make_as_there_is_to_hear() -> None:
    assert Pace(1, 0.4).affordable(1.0) == pytest.approx(2.0)
    assert Pace(1, 0.4).affordable(0.0) == 0.0


def test_a_speech_is_due_when_everything_was_heard() -> None:
    speech = Speech()
    assert (speech.due(10.0), speech.lead(10.0)) == (10.0, 0.0)
    speech.add(2.0, 10.0)
    speech.add(1.0, 10.5)
    assert (speech.due(11.0), speech.lead(11.0), speech.lead(20.0)) == (13.0, 2.0, 0.0)


def test_speech_that_is_made_faster_is_heard_sooner() -> None:
    speech = Speech(tempo=2.0)
    speech.add(2.0, 10.0)
    assert speech.due(10.0) == 11.0


def test_what_came_before_a_speech_is_its_lead() -> None:
    speech = Speech()
    speech.heard_before(3.0, 10.0)
    assert speech.lead(11.0) == 2.0


@pytest.mark.parametrize(("mark", "pause"), [(".", SENTENCE_PAUSE), (",", PAUSES[","]), ("", PAUSES[""])])
def test_a_clause_keeps_the_pause_of_its_mark(mark: str, pause: float) -> None:
    loud = np.full(500, 9000, np.int16)
    quiet = np.zeros(1000, np.int16)
    kept = trimmed(np.concatenate([quiet, loud, quiet]), RATE, mark)
    assert len(kept) == round((LEAD + 0.5 + pause) * RATE)
    assert (kept == 9000).sum() == 500


def test_nothing_is_added_to_a_clause_that_ends_at_once() -> None:
    loud = np.full(500, -9000, np.int16)
    assert np.array_equal(trimmed(loud, RATE, "."), loud)


def test_a_silent_clause_is_left_alone() -> None:
    assert len(trimmed(np.zeros(10, np.int16), RATE, "")) == 10
