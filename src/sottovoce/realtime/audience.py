"""One conversation, several listeners: a caller and the sidebands that joined, or those in a room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

from sottovoce.conversation.events import SessionEvent
from sottovoce.errors import LimitExceededError, NotFoundError
from sottovoce.realtime.commands import Close
from sottovoce.realtime.connection import Connection
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.events.items import ItemRetrieved
from sottovoce.realtime.events.session import ErrorEvent
from sottovoce.realtime.patience import Patience

MAX_GUESTS = 4
"""Sidebands of one call: each is told everything, and keeps it in memory until it has read it."""

PRIVATE = (ErrorEvent, ItemRetrieved, Close)
"""What concerns nobody but the listener whose message it answers."""


class Listener(Protocol):
    def tell(self, answers: Iterable[ServerEvent | Close]) -> None:
        """Take these without waiting; a `Close` is the last. A listener that is too slow ends itself."""


class Audience:
    """What happens is told to all of them, what was wrong with a message only to its sender.

    In a room nobody is the host, and all are guests. Messages may come from others than listeners too.
    """

    def __init__(self, connection: Connection, max_guests: int = MAX_GUESTS) -> None:
        self._connection = connection
        self._max_guests = max_guests
        self._host: Listener | None = None
        self._guests: list[Listener] = []
        self._patience = defaultdict[Listener, Patience](Patience)
        self._is_over = False

    def open(self, host: Listener) -> None:
        """The caller has come through, and is told how the session stands."""
        self._host = host
        host.tell(self._connection.protocol.opened())

    def join(self, guest: Listener) -> None:
        """Listen and speak beside the caller from now on.

        Raises `LimitExceededError`, and `NotFoundError` when all is over.
        """
        if self._is_over:
            raise NotFoundError("The call has ended.", code="call_not_found")
        if len(self._guests) >= self._max_guests:
            raise LimitExceededError(
                f"This call has {self._max_guests} sidebands, all it takes; close one first."
            )
        self._guests.append(guest)
        guest.tell(self._connection.protocol.opened())

    def recap(self) -> list[ServerEvent]:
        """The conversation so far, for a guest who is to see it."""
        return self._connection.protocol.recap()

    def leave(self, guest: Listener) -> None:
        """Idempotent."""
        if guest in self._guests:
            self._guests.remove(guest)
        self._patience.pop(guest, None)

    def receive(self, message: str | bytes, sender: Listener) -> None:
        """`sender` says `message` to the session."""
        self._answer(self._connection.receive(message, self._patience[sender]), sender)

    async def receive_at_leisure(self, message: str | bytes, sender: Listener) -> None:
        """As `receive`, but a large message keeps nobody else waiting."""
        answers = await self._connection.receive_at_leisure(message, self._patience[sender])
        self._answer(answers, sender)

    def _answer(self, answers: Iterable[ServerEvent | Close], sender: Listener) -> None:
        for answer in answers:
            self._tell([sender] if isinstance(answer, PRIVATE) else self._listeners, answer)

    def apply(self, event: SessionEvent) -> None:
        """The session told `event`."""
        for answer in self._connection.apply(event):
            self._tell(self._listeners, answer)

    def dismiss(self, ending: Close) -> None:
        """The call is over: guests are sent away. Idempotent."""
        self._is_over = True
        guests, self._guests = self._guests, []
        self._tell(guests, ending)

    @property
    def _listeners(self) -> list[Listener]:
        return self._guests if self._host is None else [self._host, *self._guests]

    @staticmethod
    def _tell(listeners: Iterable[Listener], answer: ServerEvent | Close) -> None:
        for listener in tuple(listeners):
            listener.tell([answer])
