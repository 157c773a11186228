"""How fast a model speaks on this machine, and how far a speech is ahead of its listener."""

from __future__ import annotations

from dataclasses import dataclass

SMOOTHING = 0.2
"""The share of the newest clause in the running figure."""

SLOWEST = 2.0
"""A speech may take this much longer to make than to play before no further one is taken in."""

MAX_STREAMS = 32
"""The limit of the fastest machine; each speech holds the audio of a clause."""

HEADROOM = 0.8
"""The share of the time bought by what was made that the next clause may take."""


@dataclass(slots=True)
class Pace:
    """`real_time_factor` is seconds of work for a second of speech, one clause at a time; `workers` clauses
    are made at once."""

    workers: int
    real_time_factor: float = 0.5

    def learn(self, work: float, speech: float) -> None:
        """From one clause: seconds of each."""
        if speech > 0:
            self.real_time_factor += SMOOTHING * (work / speech - self.real_time_factor)

    def start(self, work: float, speech: float) -> None:
        """The first figure, which nothing before it is worth anything against."""
        self.real_time_factor = work / speech

    @property
    def max_streams(self) -> int:
        """Speeches that can be made at one time, each of them at most SLOWEST times slower than it plays."""
        fitting = int(SLOWEST * self.workers / max(self.real_time_factor, 0.001))
        return max(self.workers + 1, min(fitting, MAX_STREAMS))

    def affordable(self, lead: float) -> float:
        """Seconds of speech that are made while `lead` seconds play."""
        return HEADROOM * lead / max(self.real_time_factor, 0.001)


@dataclass(slots=True)
class Speech:
    """One text being spoken: when its first sound came, and how many seconds of it there are."""

    tempo: float = 1.0
    """By which its sound is shortened afterwards."""
    began: float | None = None
    made: float = 0.0

    def due(self, now: float) -> float:
        """When its listener has heard everything."""
        return now if self.began is None else self.began + self.made

    def lead(self, now: float) -> float:
        return max(self.due(now) - now, 0.0)

    def heard_before(self, lead: float, now: float) -> None:
        """There are `lead` seconds of sound from another speech."""
        self.began, self.made = now, lead

    def add(self, seconds: float, now: float) -> None:
        self.began = now if self.began is None else self.began
        self.made += seconds / self.tempo
