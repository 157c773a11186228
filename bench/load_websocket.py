"""A client of `sessions_per_core.py` that speaks and listens over a WebSocket."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from types import TracebackType

from endless_gateway import FRAMES
from websockets.asyncio.client import connect

CHUNK_FRAMES = 2
CHUNK = 0.020 * CHUNK_FRAMES
BYTES_PER_SECOND = 48_000
APPENDS = [
    json.dumps({"type": "input_audio_buffer.append", "audio": b64encode(b"".join(pair)).decode()})
    for pair in zip(FRAMES[::2], FRAMES[1::2], strict=True)
]
DELTA = '"response.output_audio.delta"'
FIELD = '"delta":"'


class WebSocketClient:
    """`late_ms` of each piece since `clear`; `received` seconds of sound since then."""

    def __init__(self, host: str, key: str) -> None:
        self._connecting = connect(
            f"ws://{host}/v1/realtime",
            additional_headers={"authorization": f"Bearer {key}"},
            proxy=None,
            compression=None,
        )
        self._begun = self._heard = 0.0
        self.late_ms: list[float] = []
        self.received = 0.0

    def clear(self) -> None:
        self.late_ms, self.received = [], 0.0

    async def __aenter__(self) -> WebSocketClient:
        self._socket = await self._connecting
        await self._socket.send(json.dumps({"type": "response.create"}))
        self._tasks = [asyncio.create_task(work) for work in (self._speak(), self._listen())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()

    async def _speak(self) -> None:
        began, sent = time.perf_counter(), 0
        while True:
            await self._socket.send(APPENDS[sent % len(APPENDS)])
            sent += 1
            await asyncio.sleep(max(0.0, began + sent * CHUNK - time.perf_counter()))

    async def _listen(self) -> None:
        async for message in self._socket:
            now = time.perf_counter()
            if not isinstance(message, str) or DELTA not in message[:80]:
                continue
            self._begun = self._begun or now
            late = now - self._begun - self._heard
            self.late_ms.append(late * 1000)
            self._begun += max(0.0, late)  # it ran dry, and plays on from here
            sound = seconds_in(message)
            self._heard += sound
            self.received += sound


def seconds_in(delta: str) -> float:
    """Of sound, reckoned from the length of the base64: decoding it all would cost the clients' core."""
    start = delta.index(FIELD) + len(FIELD)
    return (delta.index('"', start) - start) * 3 / 4 / BYTES_PER_SECOND
