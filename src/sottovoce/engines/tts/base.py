"""What every speech synthesiser promises."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Protocol

from sottovoce.audio.frame import AudioFrame

MIN_SPEED = 0.25
MAX_SPEED = 4.0
"""OpenAI's range, as a factor of the voice's usual pace."""

MAX_INPUT_CHARACTERS = 4096
"""OpenAI's limit; it bounds what one request can make an engine do."""

QUIET_TEXT_PAUSE = 0.1
"""Seconds of silence for a text with nothing to say: a client that waits for a frame gets one."""


@dataclass(frozen=True, slots=True)
class Voice:
    """`id` is what a request names; `language` is a BCP 47 tag in lower case ("en-us"); `gender` is "female",
    "male", or None where nobody says."""

    id: str
    name: str
    language: str
    gender: str | None = None


class Synthesizer(Protocol):
    """Turns text into speech.

    Safe to cancel: closing or cancelling the iterator stops the work within milliseconds and leaves the
    engine ready for others. It ends, or raises an `EngineError`, within its deadline. It never blocks the
    event loop.
    """

    @property
    def model(self) -> str:
        """The name under which `/v1/models` lists the engine."""

    async def load(self) -> None:
        """Get ready to speak. Raises `EngineUnavailable` saying what is missing."""

    async def warm(self) -> None:
        """Speak for the first time, for nobody: later speech is not slowed by it. Raises `EngineError`."""

    @property
    def max_streams(self) -> int:
        """How many speeches may be made at one time; known once it is warm."""

    @property
    def condition(self) -> Mapping[str, float]:
        """What it measures of itself, for people to look at."""

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices a user may choose from; `check_voice` may know further spellings."""

    def check_voice(self, voice: str) -> None:
        """Raise `InvalidRequestError` with param "voice" if there is no such voice."""

    def synthesize(
        self, text: str, voice: str, speed: float, lead: float = 0.0
    ) -> AsyncGenerator[AudioFrame]:
        """Speak `text`: frames in order and of one sample rate, the first as soon as there is sound.

        Text without anything to say gives a short silence, never no frame. `speed` lies between MIN_SPEED
        and MAX_SPEED. `lead` are seconds of earlier sound that the listener has still to hear: an engine that
        would hurry to begin has that much time.
        """

    @property
    def fault(self) -> str | None:
        """Why the engine cannot speak again without a new process, or None while it is well."""

    async def aclose(self) -> None:
        """Stop what is being spoken and let go of the engine. Safe to call twice."""
