"""A session driven as a person would: recordings into its ear in real time, its playout pulled in time.

Pacing is the test's clock; what a test waits for is always an event, never a length of time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import numpy as np

from sottovoce.audio.frame import AudioFrame
from sottovoce.conversation.adapters.clients import EngineClients
from sottovoce.conversation.engines import Engines
from sottovoce.conversation.events import SessionEvent
from sottovoce.conversation.session import Session
from tests.recordings import RATE_HZ

FRAME_SAMPLES = RATE_HZ // 50
TIMEOUT = 15.0

E = TypeVar("E", bound=SessionEvent)


async def until(condition: Callable[[], object]) -> None:
    """Until what other people's tasks are doing has come to that."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Speaker:
    """The user and the transport at once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.events: list[SessionEvent] = []
        self.played = 0
        self._changed = asyncio.Condition()
        self._speech: deque[np.ndarray[Any, Any]] = deque()
        self._noise = np.random.default_rng(1)
        self._seen = 0

    def speak(self, samples: bytes) -> None:
        pcm = np.frombuffer(samples, np.int16)
        self._speech.extend(pcm[at : at + FRAME_SAMPLES] for at in range(0, len(pcm), FRAME_SAMPLES))

    async def expect(self, kind: type[E], when: Callable[[E], bool] = lambda event: True) -> E:
        """The next event of `kind` that `when` accepts, after those already expected."""
        async with asyncio.timeout(TIMEOUT), self._changed:
            while True:
                while self._seen < len(self.events):
                    event = self.events[self._seen]
                    self._seen += 1
                    if isinstance(event, kind) and when(event):
                        return event
                await self._changed.wait()

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def run(self, *, is_speaking: bool) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.played += self.session.playout.pull() is not None
            if not is_speaking:
                continue
            frame = self._noise.integers(-20, 20, FRAME_SAMPLES).astype(np.int16)
            if self._speech:
                head = self._speech.popleft()
                frame[: len(head)] = head
            self.session.push_audio(AudioFrame(frame.tobytes(), RATE_HZ))

    async def listen(self) -> None:
        async for event in self.session.events():
            async with self._changed:
                self.events.append(event)
                self._changed.notify_all()


@asynccontextmanager
async def conversation(engines: Engines, *, is_paced: bool = True, **options: Any) -> AsyncIterator[Speaker]:
    """A started session on the fake engines, spoken to and listened to until the block ends.

    One that is not paced hears only what the test pushes.
    """
    clients = EngineClients(engines)
    session = Session(clients, **options)
    await session.start()
    speaker = Speaker(session)
    pacing = asyncio.create_task(speaker.run(is_speaking=is_paced))
    listening = asyncio.create_task(speaker.listen())
    try:
        yield speaker
    finally:
        pacing.cancel()
        await session.aclose()
        await asyncio.gather(pacing, listening, return_exceptions=True)
        await clients.aclose()
