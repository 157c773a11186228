"""Real time for a stream of frames, reckoned from a fixed origin so that waits do not add up to drift."""

from __future__ import annotations

FRAME = 0.020
"""Seconds of one playout frame."""
LEAD = 0.100
"""Seconds that the client is kept ahead of real time: its cushion against the network's and our own jitter.

Also what it may have to drop at an interruption, so no longer than need be.
"""
GROUP = 0.040
"""Seconds of sound in one message while a reply flows; its first message goes as soon as there is a frame."""

ROUNDING = 1e-6
"""Of a frame: makes up for what binary fractions lose."""


class Pacer:
    """How many frames may be sent now, and how long to wait for more. Times are seconds of one clock."""

    def __init__(self, lead: float = LEAD, group: float = GROUP) -> None:
        self._lead = lead
        self._group = group
        self._origin = 0.0
        self._sent = 0

    def due(self, now: float) -> int:
        """Frames that may be sent now. A client that ran dry is met at `now`, not with a burst."""
        if now > self._origin + self._sent * FRAME:
            self._origin, self._sent = now, 0
        ahead = self._origin + self._sent * FRAME - now
        return max(0, int((self._lead - ahead) / FRAME + ROUNDING))

    def sent(self, frames: int) -> None:
        self._sent += frames

    def wait(self, now: float) -> float:
        """Seconds until a whole group is due, if as much was sent as was due."""
        ahead = self._origin + self._sent * FRAME - now
        return max(0.0, ahead - (self._lead - self._group))

    def reset(self) -> None:
        """The client dropped what it had."""
        self._origin, self._sent = 0.0, 0
