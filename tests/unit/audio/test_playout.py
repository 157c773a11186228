"""The playout queue in virtual time: what is pulled is all the time there is."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sottovoce.audio.playout import BYTES_PER_SECOND, FRAME_BYTES, MAX_BUFFERED, Playout, PlayoutFrame


class Listener:
    def __init__(self) -> None:
        self.events: list[tuple[str, float, bool] | str] = []

    def playout_started(self) -> None:
        self.events.append("started")

    def playout_finished(self, position: float, *, is_interrupted: bool) -> None:
        self.events.append(("finished", round(position, 3), is_interrupted))


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def playout(listener: Listener) -> Playout:
    return Playout(listener)


def tone(frames: float, level: int = 1000) -> bytes:
    return np.full(int(frames * FRAME_BYTES // 2), level, np.int16).tobytes()


def pull_all(playout: Playout) -> list[PlayoutFrame]:
    pulled = []
    while (frame := playout.pull()) is not None:
        pulled.append(frame)
    return pulled


def test_an_empty_playout_gives_nothing(playout: Playout, listener: Listener) -> None:
    assert playout.pull() is None
    playout.pause()
    playout.resume()
    playout.clear()
    playout.end()
    assert playout.pull() is None
    assert listener.events == []


def test_a_segment_is_pulled_in_frames_and_finishes_once(playout: Playout, listener: Listener) -> None:
    playout.push(tone(1.5), "resp_1", "item_1")
    playout.push(tone(1.25), "resp_1", "item_1")
    playout.end()
    frames = pull_all(playout)
    assert [len(frame.samples) for frame in frames] == [FRAME_BYTES] * 3
    assert frames[0].response_id == "resp_1"
    assert frames[0].item_id == "item_1"
    assert frames[2].samples.endswith(b"\0" * 10)  # the last frame is padded
    assert listener.events == ["started", ("finished", 0.055, False)]
    assert playout.pull() is None
    assert len(listener.events) == 2


def test_an_unended_segment_waits_for_a_whole_frame(playout: Playout) -> None:
    playout.push(tone(0.5), "r", "i")
    assert playout.pull() is None
    playout.push(tone(0.5), "r", "i")
    assert playout.pull() is not None


def test_clear_drops_the_rest_and_reports_what_was_heard(playout: Playout, listener: Listener) -> None:
    playout.output_delay = 0.03
    playout.push(tone(10), "r", "i")
    for _ in range(5):
        playout.pull()
    playout.clear()
    assert playout.pull() is None
    assert playout.buffered == 0
    assert listener.events[-1] == ("finished", 0.07, True)
    playout.clear()
    assert len(listener.events) == 2


def test_a_segment_cleared_before_it_sounded_was_not_heard(playout: Playout, listener: Listener) -> None:
    playout.push(tone(3), "r", "i")
    playout.clear()
    assert listener.events == [("finished", 0.0, True)]


def test_pause_fades_out_and_resume_loses_nothing(playout: Playout) -> None:
    ramp = np.arange(4 * FRAME_BYTES // 2, dtype=np.int16)
    playout.push(ramp.tobytes(), "r", "i")
    playout.end()
    first = playout.pull()
    playout.pause()
    playout.pause()
    faded = playout.pull()
    assert playout.pull() is None
    assert faded is not None
    assert np.frombuffer(faded.samples, np.int16)[-1] == 0
    playout.resume()
    playout.resume()
    rest = pull_all(playout)
    assert first is not None
    assert len(rest) == 3
    assert np.frombuffer(rest[0].samples, np.int16)[0] == 0  # fades in
    heard = b"".join(frame.samples for frame in rest[1:])
    assert heard == ramp.tobytes()[2 * FRAME_BYTES :]


def test_a_pause_before_the_first_frame_is_silent(playout: Playout, listener: Listener) -> None:
    playout.push(tone(2), "r", "i")
    playout.pause()
    assert playout.pull() is None
    playout.resume()
    frame = playout.pull()
    assert frame is not None
    assert frame.samples == tone(1)  # no fade: nothing was cut
    assert listener.events == ["started"]


def test_the_next_segment_starts_anew(playout: Playout, listener: Listener) -> None:
    for name in ("one", "two"):
        playout.push(tone(1), name, name)
        playout.end()
        assert [frame.response_id for frame in pull_all(playout)] == [name]
    assert listener.events == ["started", ("finished", 0.02, False)] * 2


async def test_a_voice_that_runs_ahead_is_made_to_wait(playout: Playout) -> None:
    playout.push(bytes(int(BYTES_PER_SECOND * MAX_BUFFERED)), "r", "i")
    waiting = asyncio.ensure_future(playout.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    playout.pull()
    await waiting


def test_a_filler_bridges_the_wait_and_is_no_part_of_what_follows(
    playout: Playout, listener: Listener
) -> None:
    playout.fill(tone(2.5, 7), "resp_1", "item_1")
    assert [frame.item_id for frame in pull_all(playout)] == ["item_1"] * 3
    assert listener.events == []
    playout.push(tone(2), "resp_1", "item_1")
    playout.end()
    assert len(pull_all(playout)) == 2
    assert listener.events == ["started", ("finished", 0.04, False)]
    assert (playout.filled("resp_1"), playout.filled("resp_2")) == (0.05, 0.0)


def test_a_filler_that_was_begun_is_finished_first(playout: Playout) -> None:
    playout.fill(tone(3, 7), "resp_1", "item_1")
    playout.pull()
    playout.push(tone(1, 1000), "resp_1", "item_1")
    playout.end()
    levels = [np.frombuffer(frame.samples, np.int16).max() for frame in pull_all(playout)]
    assert levels == [7, 7, 1000]


def test_one_that_was_not_begun_is_not_wanted_any_more(playout: Playout) -> None:
    playout.fill(tone(3, 7), "resp_1", "item_1")
    playout.push(tone(1, 1000), "resp_1", "item_1")
    playout.end()
    assert len(pull_all(playout)) == 1
    assert playout.filled("resp_1") == 0.0


@pytest.mark.parametrize("stop", ["drop_filler", "clear", "pause"])
def test_a_filler_that_is_stopped_fades_out(playout: Playout, listener: Listener, stop: str) -> None:
    playout.fill(tone(9, 1000), "resp_1", "item_1")
    playout.pull()
    getattr(playout, stop)()
    playout.clear()  # which takes nothing of that
    (last,) = pull_all(playout)
    assert np.frombuffer(last.samples, np.int16)[-1] == 0
    getattr(playout, stop)()
    assert playout.pull() is None
    assert listener.events == []


def test_a_reply_that_plays_or_is_held_needs_no_filler(playout: Playout) -> None:
    playout.push(tone(1, 1000), "resp_1", "item_1")
    playout.fill(tone(9, 7), "resp_1", "item_1")
    playout.end()
    assert len(pull_all(playout)) == 1
    playout.pause()
    playout.fill(tone(9, 7), "resp_2", "item_2")
    assert playout.pull() is None
