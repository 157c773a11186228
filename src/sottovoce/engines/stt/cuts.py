"""Where long utterances are cut, so that memory and the wait for their words stay bounded."""

from __future__ import annotations

CUTS = ((8.0, 0.3), (15.0, 0.1))
CUT_AT_LATEST = 30.0
"""Seconds: after 8 s a pause between phrases is waited for, after 15 s one between words, and in the end
none."""


def least_pause(heard: float) -> float | None:
    """How long the pause since the last word has to be, in seconds, to end a part of `heard` seconds; None
    while it is too short to be cut."""
    if heard >= CUT_AT_LATEST:
        return 0.0
    return min((pause for after, pause in CUTS if heard >= after), default=None)
