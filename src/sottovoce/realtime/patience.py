"""How long a client that talks nonsense is listened to."""

from __future__ import annotations

from typing import Final

from sottovoce.realtime.commands import Close

MAX_BAD_MESSAGES: Final = 20
"""Malformed messages in a row; a client that sends as many is broken and is closed with 1008."""


class Patience:
    """With one sender; one good message restores it."""

    def __init__(self) -> None:
        self._bad_messages = 0

    def restore(self) -> None:
        self._bad_messages = 0

    def try_(self) -> Close | None:
        """Another malformed message came; what to do where it was one too many."""
        self._bad_messages += 1
        if self._bad_messages < MAX_BAD_MESSAGES:
            return None
        self.restore()
        return Close(1008, f"{MAX_BAD_MESSAGES} malformed messages in a row.")
