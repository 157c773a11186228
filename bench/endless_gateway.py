"""The gateway with sessions that speak without end and need no engines: transport and protocol are left.

Started by `sessions_per_core.py`. Prints its address and key as one line of JSON, serves until its standard
input is closed.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np

from sottovoce.audio.frame import AudioFrame
from sottovoce.audio.playout import FRAME_BYTES, PLAYOUT_RATE_HZ, PlayoutFrame
from sottovoce.config import EngineEndpoint, EngineKind, Settings
from sottovoce.conversation.events import ReplyPlaying, ReplyStarted, SessionEvent
from sottovoce.conversation.history import HistoryItem
from sottovoce.conversation.options import ReplyOptions, SessionOptions
from sottovoce.conversation.port import InterruptReason
from sottovoce.gateway.app import create_app, end_sessions
from sottovoce.gateway.engines import EngineStatus
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.http.server import listen, serve
from sottovoce.ids import random_id

MAX_SESSIONS = 1000


def buzz(seconds: float = 2.0) -> list[bytes]:
    """Like a voice, in frames of 20 ms: harmonics of a gliding pitch, in syllables, and a little noise."""
    time = np.arange(int(seconds * PLAYOUT_RATE_HZ)) / PLAYOUT_RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * time)) / PLAYOUT_RATE_HZ
    voice = sum((np.sin(phase * n) / n for n in range(1, 20)), np.zeros_like(time))
    noise = np.random.default_rng(1).normal(size=time.size) / 10
    pcm = ((voice + noise) * 4000 * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time))).astype("<i2").tobytes()
    return [pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES)]


FRAMES = buzz()


class EndlessPlayout:
    output_delay = 0.0

    def __init__(self) -> None:
        self._ids: tuple[str, str] | None = None
        self._pulled = 0

    def begin(self, response_id: str, item_id: str) -> None:
        self._ids = (response_id, item_id)

    def pull(self) -> PlayoutFrame | None:
        if self._ids is None:
            return None
        self._pulled += 1
        return PlayoutFrame(*self._ids, FRAMES[self._pulled % len(FRAMES)])


class EndlessSession:
    """A session that hears nothing and, once asked, never stops."""

    def __init__(self, options: SessionOptions) -> None:
        self.id = random_id("sess")
        self.options = options
        self.playout = EndlessPlayout()
        self._told: asyncio.Queue[SessionEvent | None] = asyncio.Queue()

    async def start(self) -> None: ...

    async def aclose(self) -> None:
        self._told.put_nowait(None)

    async def events(self) -> AsyncIterator[SessionEvent]:
        while (event := await self._told.get()) is not None:
            yield event

    def push_audio(self, frame: AudioFrame) -> None: ...

    def update(self, options: SessionOptions) -> None: ...

    def commit_input(self) -> str:
        return random_id("item")

    def clear_input(self) -> None: ...

    def add_item(self, item: HistoryItem, after: str | None = None) -> None: ...

    def delete_item(self, item_id: str) -> None: ...

    def truncate_item(self, item_id: str, audio_end_ms: int) -> str:
        return ""

    def respond(self, options: ReplyOptions | None = None, response_id: str | None = None) -> str:
        response_id, item_id = response_id or random_id("resp"), random_id("item")
        self._told.put_nowait(ReplyStarted(response_id, item_id))
        self._told.put_nowait(ReplyPlaying(response_id))
        self.playout.begin(response_id, item_id)
        return response_id

    def interrupt(self, reason: InterruptReason = "client_cancelled", response_id: str | None = None) -> bool:
        return False


class NoEngines:
    def endpoint(self, kind: EngineKind) -> EngineEndpoint:
        return EngineEndpoint(kind, "http://127.0.0.1:9/v1", "", "none")

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return (self.endpoint(kind),)

    def status(self, kind: EngineKind) -> EngineStatus:
        return EngineStatus("none", "ready")

    def members(self, kind: EngineKind) -> Sequence[EngineStatus]:
        return (self.status(kind),)


async def main() -> None:
    key = "sk-bench-" + secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="sottovoce-bench-") as home:
        page = Path(home) / "page"
        page.mkdir()
        (page / "index.html").write_text("<!doctype html>")
        app = create_app(
            Settings(home=Path(home), max_sessions=MAX_SESSIONS),
            NoEngines(),
            EndlessSession,
            key=key,
            page_folder=page,
            limits=GatewayLimits(half_open_calls=MAX_SESSIONS),
        )
        sock = listen("127.0.0.1", 0)
        print(json.dumps({"host": f"127.0.0.1:{sock.getsockname()[1]}", "key": key}), flush=True)

        async def until() -> None:
            await asyncio.to_thread(sys.stdin.read)
            await end_sessions(app)

        await serve(app, sock, until=until)


if __name__ == "__main__":
    asyncio.run(main())
