"""One protocol and one session, coupled: what both transports do alike."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from sottovoce.conversation.events import SessionEvent
from sottovoce.conversation.port import SessionPort
from sottovoce.errors import SottovoceError
from sottovoce.realtime.commands import Close, Command
from sottovoce.realtime.events.base import ServerEvent
from sottovoce.realtime.patience import Patience
from sottovoce.realtime.protocol import RealtimeProtocol, Step, read

LARGE_MESSAGE_BYTES: Final = 1 << 18
"""What takes longer to decode than a frame may wait is decoded in a thread; this much takes half a ms."""

logger = logging.getLogger(__name__)


class Connection:
    """Performs the protocol's commands on the session; what is left is to be sent, in order."""

    def __init__(self, session: SessionPort, protocol: RealtimeProtocol) -> None:
        self._session = session
        self.protocol = protocol

    def receive(self, message: str | bytes, patience: Patience | None = None) -> list[ServerEvent | Close]:
        """The client sent `message`. A `Close` among the answers is the last of them.

        Of several clients each has a `patience` of its own.
        """
        return self._perform(self.protocol.receive(message, patience))

    async def receive_at_leisure(
        self, message: str | bytes, patience: Patience | None = None
    ) -> list[ServerEvent | Close]:
        """As `receive`, but nobody else waits while a large message is decoded.

        The next message may be received only when this has returned.
        """
        if len(message) < LARGE_MESSAGE_BYTES:
            return self.receive(message, patience)
        return self._perform(self.protocol.heed(await asyncio.to_thread(read, message), patience))

    def apply(self, event: SessionEvent) -> list[ServerEvent | Close]:
        """The session told `event`."""
        return self._perform(self.protocol.apply(event))

    def _perform(self, steps: Iterable[Step]) -> list[ServerEvent | Close]:
        answers: list[ServerEvent | Close] = []
        for step in steps:
            if isinstance(step, (ServerEvent, Close)):
                answers.append(step)
            else:
                answers += self._done(step)
        return answers

    def _done(self, command: Command) -> list[ServerEvent]:
        try:
            outcome = command.perform(self._session)
        except SottovoceError as error:
            logger.info("the session refused %s: %s", type(command).__name__, error.code)
            return self.protocol.refused(command, error)
        return self.protocol.performed(command, outcome)
