"""A session over one WebSocket: its events and, paced in real time, its voice."""

from __future__ import annotations

import asyncio

import anyio
from starlette.websockets import WebSocket

from sottovoce.audio.playout import PlayoutFrame
from sottovoce.conversation.events import ReplyFinished, ReplyStarted
from sottovoce.conversation.port import SessionPort
from sottovoce.realtime.commands import Close
from sottovoce.realtime.connection import Connection
from sottovoce.realtime.pacing import LEAD, Pacer
from sottovoce.realtime.protocol import RealtimeProtocol
from sottovoce.realtime.websocket_line import Line

POLL = 0.005
"""Seconds between looks at the playout while a reply is awaited: added to the time to first sound."""


class WebSocketStream:
    """Audio out is paced in real time with a lead, so that an interruption finds little to drop."""

    def __init__(self, websocket: WebSocket, session: SessionPort, protocol: RealtimeProtocol) -> None:
        self._line = Line(websocket, f"session {session.id}")
        self._session = session
        self._protocol = protocol
        self._connection = Connection(session, protocol)
        self._pacer = Pacer()
        self._responding = asyncio.Event()
        self._restarted = asyncio.Event()

    async def run(self) -> int:
        """Converse until one side has enough; returns the close code. Nothing of it is left running."""
        self._session.playout.output_delay = LEAD
        self._line.tell(self._protocol.opened())
        return await self._line.run(self._received, self._attend, self._play)

    def end(self, ending: Close) -> None:
        """End the connection; the first ending counts."""
        self._line.end(ending)

    async def _received(self, message: str | bytes) -> None:
        self._line.tell(await self._connection.receive_at_leisure(message))

    async def _attend(self) -> None:
        """Tell the client what the session tells."""
        async for event in self._session.events():
            self._line.tell(self._connection.apply(event))
            if isinstance(event, ReplyFinished) and event.status == "cancelled":
                self._pacer.reset()
            if isinstance(event, ReplyStarted):
                self._restarted.set()
            if self._protocol.is_responding:
                self._responding.set()
            else:
                self._responding.clear()
        self.end(Close(1001, "The session has ended."))

    async def _play(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._responding.wait()
            due = self._pacer.due(clock())
            frames = self._pull(due)
            self._pacer.sent(len(frames))
            self._line.tell(self._protocol.audio(frames))
            await self._rest(self._pacer.wait(clock()) if due and len(frames) == due else POLL)

    async def _rest(self, delay: float) -> None:
        """Wait, but not when another reply begins: its first sound must not wait for the last one's pace."""
        self._restarted.clear()
        with anyio.move_on_after(delay):
            await self._restarted.wait()

    def _pull(self, due: int) -> list[PlayoutFrame]:
        frames: list[PlayoutFrame] = []
        while len(frames) < due and (frame := self._session.playout.pull()) is not None:
            frames.append(frame)
        return frames
