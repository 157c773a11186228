"""The WebSocket around a transcription session."""

from __future__ import annotations

import asyncio
import json
import logging

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sottovoce.engines.stt.base import Transcriber
from sottovoce.services import transcription_events as events
from sottovoce.services.transcription import TooManyBadEventsError, TranscriptionSession

MAX_WAITING_MESSAGES = 16
"""Read ahead of the session, to notice that the client left; each is at most the server's message limit."""
MAX_UNSENT_EVENTS = 1000
"""For a client that does not read: minutes of speech. Past it the connection is closed."""
POLICY_VIOLATION = 1008

logger = logging.getLogger(__name__)


class TranscriptionSocket:
    """Reads, works and writes at the same time; whichever ends first ends the others."""

    def __init__(self, socket: WebSocket, transcriber: Transcriber) -> None:
        self._socket = socket
        self._session = TranscriptionSession(transcriber, self._post)
        self._incoming: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING_MESSAGES)
        self._outgoing: asyncio.Queue[events.ServerEvent] = asyncio.Queue()

    @classmethod
    async def open(cls, socket: WebSocket, transcriber: Transcriber) -> TranscriptionSocket:
        """Accepts the connection, unless there is no recogniser for it: then it raises what to refuse it
        with."""
        connection = cls(socket, transcriber)
        await connection._session.open()
        return connection

    async def run(self) -> None:
        """Until the client leaves or is sent away."""
        tasks = [asyncio.create_task(work()) for work in (self._read, self._work, self._write)]
        try:
            await self._socket.accept()
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._session.aclose()
        for task in done:
            await self._end(task.exception())

    async def _end(self, reason: BaseException | None) -> None:
        is_there = self._socket.client_state is WebSocketState.CONNECTED
        if isinstance(reason, TooManyBadEventsError) and is_there:
            await self._drain()
            await self._socket.close(POLICY_VIOLATION, reason.message)
        elif reason is not None and not isinstance(reason, WebSocketDisconnect | TooManyBadEventsError):
            raise reason

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            await self._incoming.put(message.get("text") or "")

    async def _work(self) -> None:
        while True:
            await self._session.receive(await self._incoming.get())

    async def _write(self) -> None:
        while True:
            await self._send(await self._outgoing.get())

    async def _drain(self) -> None:
        while not self._outgoing.empty():
            await self._send(self._outgoing.get_nowait())

    async def _send(self, event: events.ServerEvent) -> None:
        await self._socket.send_text(json.dumps(event))

    def _post(self, event: events.ServerEvent) -> None:
        if self._outgoing.qsize() >= MAX_UNSENT_EVENTS:
            raise TooManyBadEventsError(f"{MAX_UNSENT_EVENTS} events wait to be read.")
        self._outgoing.put_nowait(event)
