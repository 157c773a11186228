"""What can be chosen for one session, as data."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_INSTRUCTIONS = (
    "You are Sottovoce, a private voice assistant. You are heard, not read: answer in one or two short "
    "spoken sentences, without lists or markup. Use your tools for time, sums, units and timers."
)


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """How the user's turns are found; times in seconds.

    `silence` is the least that ends a turn, `max_wait` the most an unfinished sentence is waited for;
    a `threshold` in 0..1 is the voice activity detector's.
    """

    threshold: float = 0.5
    silence: float = 0.3
    max_wait: float = 1.2
    prefix_padding_ms: int = 300
    should_reply: bool = True
    can_interrupt: bool = True


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """`turns` None means manual turns: nothing ends but by `commit_input`. `speed` is a factor, 0.25 to 4."""

    instructions: str = DEFAULT_INSTRUCTIONS
    language: str = "en"
    voice: str = "alloy"
    speed: float = 1.0
    turns: TurnOptions | None = TurnOptions()
