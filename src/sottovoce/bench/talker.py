"""A WebSocket client that talks like a person: recordings out in real time, replies timed as they would play.

It measures from outside; see `speech` for how.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection, connect

from sottovoce.bench.speech import Ear, Mouth, Pace, Playback, Samples

_EVENT: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@dataclass
class Talker:
    """One connection. Times are `time.perf_counter()` seconds."""

    socket: ClientConnection
    events: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    _ear: Ear = field(default_factory=Ear)
    _mouth: Mouth = field(default_factory=Mouth)

    @property
    def playback(self) -> Playback:
        return self._ear.playback

    async def speak(self, pcm: Samples) -> float:
        """Say a recording; returns the moment its last sample was sent."""
        return await self._mouth.speak(pcm)

    def listen_anew(self) -> None:
        """Forget what was played so far."""
        self._ear.listen_anew()

    async def first_sound(self) -> float:
        """When the first audible sample since `listen_anew` played."""
        return await self._ear.first_sound()

    async def expect(self, *kinds: str, within: float = 20.0) -> dict[str, Any]:
        """The next event of one of `kinds`; errors and failed engines raise: apologies are not measured."""
        async with asyncio.timeout(within):
            while True:
                event = await self.events.get()
                if event["type"] in kinds:
                    return event
                if event["type"] == "sottovoce.engine.failed":
                    raise RuntimeError(event["message"])
                if event["type"] == "error" and event["error"]["code"] != "response_cancel_not_active":
                    raise RuntimeError(f"the server answered {event['error']}")

    async def send(self, event: dict[str, Any]) -> None:
        await self.socket.send(_EVENT.dump_json(event).decode())

    async def hear(self) -> None:
        async for message in self.socket:
            event = _EVENT.validate_json(message)
            if event["type"] == "response.output_audio.delta":
                self._ear.hear(np.frombuffer(base64.b64decode(event["delta"]), np.int16))
            else:
                self.events.put_nowait(event)

    async def send_audio(self) -> None:
        pace = Pace()
        while True:
            await pace.wait()
            audio = base64.b64encode(self._mouth.frame().tobytes()).decode()
            await self.send({"type": "input_audio_buffer.append", "audio": audio})
            self._mouth.sent()


@asynccontextmanager
async def talking(url: str, key: str) -> AsyncIterator[Talker]:
    """A connected talker; `url` is the server's base URL, such as `http://127.0.0.1:8080`."""
    address = url.replace("http", "ws", 1) + "/v1/realtime?model=sottovoce&extensions=sottovoce"
    headers = {"Authorization": f"Bearer {key}"}
    async with connect(address, additional_headers=headers, compression=None, proxy=None) as socket:
        talker = Talker(socket)
        tasks = [asyncio.create_task(talker.hear()), asyncio.create_task(talker.send_audio())]
        try:
            await talker.expect("session.created")
            yield talker
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
