"""Frames of a live track: when they are due, and their edges."""

from __future__ import annotations

import numpy as np
import pytest

from sottovoce.audio.grid import Edges, Grid
from sottovoce.audio.playout import FRAME_BYTES


@pytest.mark.parametrize("max_late", [0.02, 0.2])
def test_grid_never_sends_two_frames_in_one_slot(max_late: float) -> None:
    grid, now, seen = Grid(0.0, max_late), 0.0, []
    for jolt in (0.0, 0.05, 0.5, 0.0, 0.21, 0.19, 3.0, 0.0, 0.0):
        now += jolt
        slot, wait = grid.advance(now)
        now += wait
        seen.append(slot)
    assert seen == sorted(set(seen))


def test_what_is_later_than_that_skips_what_was_missed() -> None:
    strict, patient = Grid(0.0, 0.02), Grid(0.0, 0.2)
    assert strict.advance(0.0) == patient.advance(0.0) == (0, 0.0)
    assert patient.advance(0.07) == (1, 0.0)
    assert strict.advance(0.07)[0] == 3


def test_a_cut_runs_out_and_a_return_fades_in() -> None:
    edges = Edges()
    loud = np.full(480, 10_000, dtype="<i2").tobytes()
    first = np.frombuffer(edges.smooth(loud), "<i2")
    assert first[0] == 0
    assert first[-1] == 10_000
    assert edges.smooth(loud) == loud
    tail = np.frombuffer(edges.smooth(None), "<i2")
    assert tail[0] == 10_000
    assert np.abs(np.diff(tail.astype(int))).max() < 200
    assert not tail[120:].any()
    assert edges.smooth(None) == bytes(FRAME_BYTES)


def test_speech_at_rest_is_left_alone() -> None:
    edges = Edges()
    quiet = (np.sin(np.arange(480) / 10) * 12_000).astype("<i2").tobytes()
    assert edges.smooth(quiet) == quiet
