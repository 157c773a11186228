"""Where in the input something was: what audio carries along on its way through AgentSession."""

from __future__ import annotations

from dataclasses import dataclass

PLACE = "sottovoce.place"
"""The key under which a frame carries the `Place` where it ends."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the input, in samples at 16 kHz: `position` counts all that is handed on, `clock` only what
    came from the user."""

    position: int = 0
    clock: int = 0

    def after(self, position: int, clock: int) -> Place:
        return Place(self.position + position, self.clock + clock)
