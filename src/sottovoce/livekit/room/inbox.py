"""Text streams that participants send: each read whole, within bounds, in the order of its sender's."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from livekit import rtc

from sottovoce.errors import InvalidRequestError, LimitExceededError, SottovoceError

READ_DEADLINE: Final = 5.0
"""Seconds for the whole of one text: a stream that is opened and left open holds up its sender's others."""

Receive: TypeAlias = Callable[[str, str], Awaitable[None]]
"""Takes a sender's identity and a text; raises `SottovoceError` for what is wrong with it."""
Refuse: TypeAlias = Callable[[str, SottovoceError], None]
"""Tells a sender why a text of theirs was not taken."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InboxLimits:
    """Of one sender: characters of a text, streams that are open or wait to be read, and how often.

    `burst` texts at once, and one more every `interval` seconds.
    """

    characters: int
    waiting: int
    burst: int
    interval: float


class Allowance:
    """`burst` at once, and one more every `interval` seconds."""

    def __init__(self, burst: int, interval: float, clock: Callable[[], float]) -> None:
        self._burst, self._interval, self._clock = burst, interval, clock
        self._full_at = clock()

    def take(self) -> bool:
        """False where there is none left."""
        now = self._clock()
        full_at = max(self._full_at, now) + self._interval
        if full_at - now > self._burst * self._interval:
            return False
        self._full_at = full_at
        return True


@dataclass(slots=True)
class _Sender:
    allowance: Allowance
    waiting: deque[rtc.TextStreamReader] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None


class Inbox:
    """The streams of `topic`, from its making until it is closed."""

    def __init__(
        self,
        room: rtc.Room,
        topic: str,
        limits: InboxLimits,
        receive: Receive,
        refuse: Refuse,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._room, self._topic, self._limits = room, topic, limits
        self._receive, self._refuse, self._clock = receive, refuse, clock
        self._senders: dict[str, _Sender] = {}
        room.register_text_stream_handler(topic, self._opened)
        room.on("participant_disconnected", self._left)

    async def aclose(self) -> None:
        self._room.unregister_text_stream_handler(self._topic)
        self._room.off("participant_disconnected", self._left)
        senders, self._senders = list(self._senders.values()), {}
        tasks = [task for task in map(_dismiss, senders) if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _opened(self, reader: rtc.TextStreamReader, identity: str) -> None:
        sender = self._senders.get(identity)
        if sender is None:
            allowance = Allowance(self._limits.burst, self._limits.interval, self._clock)
            sender = self._senders[identity] = _Sender(allowance)
        if len(sender.waiting) >= self._limits.waiting or not sender.allowance.take():
            reader.close()
            return self._refuse(
                identity, LimitExceededError("Too many messages at once; this one was ignored.")
            )
        sender.waiting.append(reader)
        if sender.task is None:
            sender.task = asyncio.create_task(self._serve(identity, sender), name=f"inbox {self._topic}")

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        """What came from that identity is read all the same: who enters anew may have written already when
        their leaving is told."""
        sender = self._senders.get(participant.identity)
        if sender is not None and sender.task is None:
            del self._senders[participant.identity]

    async def _serve(self, identity: str, sender: _Sender) -> None:
        try:
            while sender.waiting:
                reader = sender.waiting[0]
                try:
                    await self._receive(identity, await self._read(reader))
                except SottovoceError as error:
                    self._refuse(identity, error)
                finally:
                    reader.close()
                    sender.waiting.popleft()
        except Exception:  # boundary: nobody awaits this task, and only this sender is to suffer
            logger.exception("a message on %s could not be handled", self._topic)
        finally:
            sender.task = None
            if identity not in self._room.remote_participants and self._senders.get(identity) is sender:
                del self._senders[identity]

    async def _read(self, reader: rtc.TextStreamReader) -> str:
        """Raises `InvalidRequestError` for one that is too long, or that does not end."""
        text = ""
        try:
            async with asyncio.timeout(READ_DEADLINE):
                async for chunk in reader:
                    text += chunk
                    if len(text) > self._limits.characters:
                        raise _too_large(self._limits.characters)
        except TimeoutError:
            raise InvalidRequestError(
                f"A message did not end within {READ_DEADLINE:.0f} s; it was ignored."
            ) from None
        except rtc.StreamError as error:
            raise InvalidRequestError(f"A message was broken off: {error.description}") from None
        return text


def _dismiss(sender: _Sender) -> asyncio.Task[None] | None:
    """Nothing more of theirs is read."""
    if sender.task is not None:
        sender.task.cancel()
    for reader in sender.waiting:
        reader.close()
    return sender.task


def _too_large(limit: int) -> InvalidRequestError:
    return InvalidRequestError(
        f"A message may have {limit} characters; this one was ignored.", code="message_too_large"
    )
