"""What somebody is told whom the machine would not hear in time."""

from __future__ import annotations

from sottovoce.errors import LimitExceededError

CODE = "server_overloaded"
RETRY_AFTER = 5.0
"""Seconds: about what an utterance lasts."""


def overloaded(message: str) -> LimitExceededError:
    """Apart by its code from a limit that a client itself has reached."""
    return LimitExceededError(message, retry_after=RETRY_AFTER, code=CODE)
