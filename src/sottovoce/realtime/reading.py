"""What a client's message says, before anybody acts on it."""

from __future__ import annotations

from typing import Final, TypeAlias

from sottovoce.realtime.commands import Close
from sottovoce.realtime.events import client

MAX_MESSAGE_BYTES: Final = 21 << 20
"""One client message; a larger one ends the connection with 1009. Holds 15 MiB of audio, as base64."""

Reading: TypeAlias = client.AnyClientEvent | client.Unreadable | Close


def read(message: str | bytes) -> Reading:
    """Knows no connection, and may run in a thread where it takes long."""
    if len(message) > MAX_MESSAGE_BYTES:
        return Close(1009, f"A message may have {MAX_MESSAGE_BYTES} bytes.")
    return client.read(message)
