"""AgentSession on livekit's RealtimeModel, with a microphone and a loudspeaker in place of a room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, utils
from livekit.agents.voice import io
from livekit.plugins.openai.realtime import RealtimeModel

from tests.clients.microphone import RATE_HZ, Microphone, microphone
from tests.clients.servers import Live

DEADLINE = 20.0


def frame(sound: bytes) -> rtc.AudioFrame:
    return rtc.AudioFrame(sound, RATE_HZ, 1, len(sound) // 2)


class Ear(io.AudioInput):
    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    async def push(self, sound: bytes) -> None:
        self._frames.put_nowait(frame(sound))

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Loudspeaker(io.AudioOutput):
    """Plays each segment in real time, from its first frame on."""

    def __init__(self) -> None:
        super().__init__(
            label="loudspeaker", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=RATE_HZ
        )
        self.played = 0.0
        self._begun = 0.0
        self._length = 0.0
        self._ending: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._length:
            self._begun = asyncio.get_running_loop().time()
            self.on_playback_started(created_at=time.time())
        self._length += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._length:
            at = self._begun + self._length
            self._ending = asyncio.get_running_loop().call_at(at, self._finish, False)

    def clear_buffer(self) -> None:
        if self._length:
            self._finish(True)

    def _finish(self, is_interrupted: bool) -> None:
        if self._ending is not None:
            self._ending.cancel()
        heard = asyncio.get_running_loop().time() - self._begun
        position = min(self._length, heard) if is_interrupted else self._length
        self.played += position
        self._length, self._ending = 0.0, None
        self.on_playback_finished(playback_position=position, interrupted=is_interrupted)


class Room:
    """A running AgentSession, what is said in it, and what went wrong."""

    def __init__(self, session: AgentSession, microphone: Microphone, loudspeaker: Loudspeaker) -> None:
        self.session = session
        self.microphone = microphone
        self.loudspeaker = loudspeaker
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self.errors: list[Any] = []
        self.states: asyncio.Queue[str] = asyncio.Queue()
        session.on("conversation_item_added", lambda event: self.said.put_nowait(event.item))
        session.on("agent_state_changed", lambda event: self.states.put_nowait(event.new_state))
        session.on("error", lambda event: self.errors.append(event.error))

    async def hear(self, role: str) -> Any:
        """The next message by `role`."""
        async with asyncio.timeout(DEADLINE):
            while getattr(item := await self.said.get(), "role", None) != role:
                pass
        return item

    async def reach(self, state: str) -> None:
        async with asyncio.timeout(DEADLINE):
            while await self.states.get() != state:
                pass


@asynccontextmanager
async def room(live: Live, agent: Agent, **options: Any) -> AsyncIterator[Room]:
    """`options` are AgentSession's. Whatever error its model met fails the test that used it."""
    ear, loudspeaker = Ear(), Loudspeaker()
    async with utils.http_context.open() as http, microphone(ear.push) as spoken:
        model = RealtimeModel(base_url=live.base_url, api_key=live.key, http_session=http)
        # no echo to get used to, so it need not be deaf for three seconds
        session: AgentSession = AgentSession(llm=model, aec_warmup_duration=None, **options)
        session.input.audio, session.output.audio = ear, loudspeaker
        opened = Room(session, spoken, loudspeaker)
        await session.start(agent, record=False)
        try:
            yield opened
        finally:
            await session.aclose()
            await model.aclose()
    assert opened.errors == []
