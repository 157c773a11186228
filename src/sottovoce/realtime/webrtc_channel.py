"""The caller's `oai-events` data channel: one JSON object in each message, bounded both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aiortc import RTCDataChannel

from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.commands import Close
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.session import ErrorEvent

CHANNEL = "oai-events"

MAX_MESSAGE_BYTES = 256 * 1024
"""One client message; what browsers and aiortc advertise, and more than a data channel should carry."""

MAX_WAITING_BYTES = 1 << 20
"""Events waiting for a client that does not read; the call is ended beyond it."""


class EventChannel:
    """`let_go` is told why the caller cannot be kept, once there is a reason."""

    def __init__(self, channel: RTCDataChannel, let_go: Callable[[str], None]) -> None:
        self._channel = channel
        self._let_go = let_go

    def tell(self, answers: Iterable[ServerEvent | Close]) -> None:
        """Send these; once the caller has left, they are dropped."""
        for answer in answers:
            if isinstance(answer, Close):
                self._let_go(answer.reason)
            elif self._channel.readyState == "open":
                self._send(answer.to_json())

    def is_fit(self, message: str | bytes) -> bool:
        """Whether `message` may be passed on; one that is too large costs its sender an error."""
        if len(message) <= MAX_MESSAGE_BYTES:
            return True
        limit = f"A message on the data channel may have {MAX_MESSAGE_BYTES} bytes; this one was ignored."
        self.tell([ErrorEvent.of(InvalidRequestError(limit, code="message_too_large"))])
        return False

    def _send(self, text: str) -> None:
        if self._channel.bufferedAmount > MAX_WAITING_BYTES:
            self._let_go("the client does not read its events")
        else:
            self._channel.send(text)
