"""The far end of an ASGI WebSocket, in memory: what a client sends, and when it was told what."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.types import ASGIApp, Message, Scope


class Peer:
    """`told` are the server's messages with the moment each arrived, `heard` the events among them."""

    def __init__(
        self,
        path: str = "/v1/realtime",
        query: str = "",
        subprotocols: list[str] | None = None,
        scope: dict[str, Any] | None = None,
    ) -> None:
        self.scope: Scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": [],
            "subprotocols": subprotocols or [],
            "extensions": {"websocket.http.response": {}},
            **(scope or {}),
        }
        self.told: list[tuple[float, Message]] = []
        self.heard: list[tuple[float, dict[str, Any]]] = []
        self.is_reading = True
        self.is_broken = False
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._news = asyncio.Event()
        self._sent.put_nowait({"type": "websocket.connect"})

    async def meet(self, app: ASGIApp) -> None:
        await app(self.scope, self._sent.get, self._hear)

    async def _hear(self, message: Message) -> None:
        if self.is_broken:
            raise OSError("the connection is gone")
        if not self.is_reading:
            await asyncio.Event().wait()
        now = asyncio.get_running_loop().time()
        self.told.append((now, message))
        if message["type"] == "websocket.send":
            self.heard.append((now, json.loads(message["text"])))
        self._news.set()

    def send(self, type_: str, /, **fields: Any) -> None:
        self.send_raw(json.dumps({"type": type_, **fields}))

    def send_raw(self, text: str) -> None:
        self._sent.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self, code: int = 1000) -> None:
        self._sent.put_nowait({"type": "websocket.disconnect", "code": code})

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for _, event in self.heard]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def of(self, type_: str) -> list[tuple[float, dict[str, Any]]]:
        """The events of that type, each with its moment."""
        return [(at, event) for at, event in self.heard if event["type"] == type_]

    @property
    def closing(self) -> Message:
        (message,) = [m for _, m in self.told if m["type"] == "websocket.close"]
        return message

    async def until(self, type_: str) -> None:
        """Wait for the first event of that type."""
        while type_ not in self.types:
            self._news.clear()
            await self._news.wait()

    @property
    def denial(self) -> tuple[int, dict[str, Any]]:
        """Status and body of a handshake that was refused."""
        (start,) = [m for _, m in self.told if m["type"] == "websocket.http.response.start"]
        bodies = [m["body"] for _, m in self.told if m["type"] == "websocket.http.response.body"]
        return start["status"], json.loads(b"".join(bodies))
