"""The signalling of rooms, handed to the LiveKit server of this machine and back, message by message.

Whoever has a token may join: LiveKit checks it, before the client's connection is accepted. Its media goes
straight to the LiveKit server.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import CloseCode

from sottovoce.errors import InvalidRequestError, LiveKitUnavailable, SottovoceError
from sottovoce.gateway.attempts import Tally
from sottovoce.gateway.limits import Slots
from sottovoce.http.errors import error_response
from sottovoce.livekit.access import LiveKitDirectory
from sottovoce.realtime.commands import Close

logger = logging.getLogger(__name__)

MAX_SIGNAL_BYTES = 1 << 20
"""Of one message, either way: an offer with the tracks of a full room has some hundred KiB."""

MAX_QUEUED_FRAMES = 4
"""Of the server's, for a client that reads slowly; behind them the server has to wait."""

HANDSHAKE_PATIENCE = 20.0
"""Seconds for LiveKit to let somebody in: it tries three times to start the room, for 18 s in all."""

READ_PATIENCE = 10.0
"""Seconds that either side may leave a message unread: LiveKit gives up those who are silent for 15 s."""

CLOSE_PATIENCE = 1.0
"""Seconds for each side to hear of the end."""

MAX_REFUSAL_BYTES = 4096
"""Of LiveKit's words to somebody whom it refuses."""

PASSED_ON = ("authorization",)
"""Headers that LiveKit reads, but for `user-agent`. Where clients come from stays here."""

UNSENDABLE = (CloseCode.NO_STATUS_RCVD, CloseCode.ABNORMAL_CLOSURE, CloseCode.TLS_HANDSHAKE)
"""Codes that say how a connection ended without one."""

_library = logging.getLogger(f"{__name__}.websockets")
_library.setLevel(logging.INFO)  # below it tells addresses, and so tokens


class SignalRelay:
    """Knows the paths it is called with, and nothing else of LiveKit's is within reach."""

    def __init__(self, livekit: LiveKitDirectory, limit: int) -> None:
        self._livekit = livekit
        self._open: set[_Relayed] = set()
        self._lost = Tally()
        self._ending: Close | None = None
        self.slots = Slots(limit, "connections to rooms")

    def url(self, path: str, scope: Scope) -> str:
        """Where LiveKit answers what was asked here; the query string holds the token."""
        query = scope["query_string"].decode("latin-1")
        return self._livekit.access.url + path + (f"?{query}" if query else "")

    def unreachable(self, error: Exception) -> LiveKitUnavailable:
        if count := self._lost.due():
            logger.warning("LiveKit could not be reached %s times: %s", count, type(error).__name__)
        return LiveKitUnavailable("LiveKit cannot be reached; it may be starting. Try again in a moment.")

    def close(self) -> None:
        """End every connection with 1001 and take no new ones, as when the server goes down."""
        self.slots.close()
        self._ending = Close(1001, "The server is shutting down.")
        for relayed in self._open:
            relayed.end(self._ending)

    async def serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Relay one WebSocket, whole."""
        try:
            with self.slots.take():
                await self._relay(path, scope, receive, send)
        except InvalidStatus as refused:
            await self._refusal(refused)(scope, receive, send)
        except SottovoceError as error:
            await error_response(error)(scope, receive, send)

    async def _relay(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        upstream = await self._dial(path, scope)
        try:
            await receive()
            await send({"type": "websocket.accept"})
            relayed = _Relayed(upstream, receive, send)
            self._open.add(relayed)
            if self._ending is not None:  # while LiveKit was asked
                relayed.end(self._ending)
            try:
                await relayed.run()
            finally:
                self._open.discard(relayed)
        finally:
            upstream.transport.abort()

    async def _dial(self, path: str, scope: Scope) -> ClientConnection:
        """Raises `InvalidStatus` with LiveKit's refusal, `SottovoceError` where it says nothing."""
        given = Headers(scope=scope)
        try:
            return await connect(
                self.url(path, scope),
                additional_headers={name: given[name] for name in PASSED_ON if name in given},
                user_agent_header=given.get("user-agent"),
                compression=None,
                proxy=None,
                open_timeout=HANDSHAKE_PATIENCE,
                close_timeout=CLOSE_PATIENCE,
                ping_interval=None,
                max_size=MAX_SIGNAL_BYTES,
                max_queue=MAX_QUEUED_FRAMES,
                logger=_library,
            )
        except InvalidStatus:
            raise
        except InvalidURI:
            raise InvalidRequestError("The address is malformed.") from None
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise self.unreachable(error) from error

    def _refusal(self, refused: InvalidStatus) -> Response:
        """LiveKit's own, which clients show; what is none of those is a fault of the server's."""
        given = refused.response
        if given.status_code < 400:
            return error_response(self.unreachable(refused))
        return PlainTextResponse(bytes(given.body[:MAX_REFUSAL_BYTES]), given.status_code)


@dataclass(frozen=True, slots=True)
class SignalEndpoint:
    """An ASGI app for WebSockets at one of LiveKit's paths."""

    relay: SignalRelay
    path: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.relay.serve(self.path, scope, receive, send)


class _Relayed:
    """One connection of a client and the one of ours that stands for it; both end together."""

    def __init__(self, upstream: ClientConnection, receive: Receive, send: Send) -> None:
        self._upstream = upstream
        self._receive = receive
        self._send = send
        self._scope = anyio.CancelScope()
        self._ending: Close | None = None
        self._is_gone = False

    async def run(self) -> None:
        """Until one side has enough; the other has been told when this returns."""
        with self._scope:
            async with anyio.create_task_group() as group:
                group.start_soon(self._to_server)
                group.start_soon(self._to_client)
        ending = self._ending or Close(1011, "The connection ended without a reason.")
        async with anyio.create_task_group() as group:
            group.start_soon(self._hang_up, ending)
            if not self._is_gone:
                group.start_soon(self._say_goodbye, ending)

    def end(self, ending: Close) -> None:
        """End both; the first ending counts."""
        self._ending = self._ending or ending
        self._scope.cancel()

    async def _to_server(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._is_gone = True
                return self.end(Close(_sendable(message.get("code") or 1005), "The client has gone."))
            content = message.get("bytes")
            content = message.get("text") or "" if content is None else content
            if len(content) > MAX_SIGNAL_BYTES:
                return self.end(Close(1009, f"A message may have {MAX_SIGNAL_BYTES} bytes."))
            try:
                async with asyncio.timeout(READ_PATIENCE):
                    await self._upstream.send(content)
            except ConnectionClosed as closed:
                return self.end(_closing(closed))
            except TimeoutError:
                return self.end(Close(1012, "LiveKit does not answer."))

    async def _to_client(self) -> None:
        while True:
            try:
                content = await self._upstream.recv()
                async with asyncio.timeout(READ_PATIENCE):
                    await self._send(_message(content))
            except ConnectionClosed as closed:
                return self.end(_closing(closed))
            except TimeoutError:
                return self.end(Close(1013, "The client reads too slowly."))

    async def _hang_up(self, ending: Close) -> None:
        with anyio.move_on_after(CLOSE_PATIENCE):  # it may wait for ever for somebody who does not read
            await self._upstream.close(ending.code, ending.reason)

    async def _say_goodbye(self, ending: Close) -> None:
        """And read until the client closes too: messages that nobody takes keep the socket open."""
        with anyio.move_on_after(CLOSE_PATIENCE):
            async with anyio.create_task_group() as group:
                group.start_soon(self._hear_out)
                await self._send({"type": "websocket.close", "code": ending.code, "reason": ending.reason})

    async def _hear_out(self) -> None:
        while (await self._receive())["type"] != "websocket.disconnect":
            logger.debug("a message after the end was dropped")


def _closing(closed: ConnectionClosed) -> Close:
    """What LiveKit said in closing, or what our own side found wrong with it."""
    said = closed.rcvd or closed.sent
    return Close(1012, "LiveKit was lost.") if said is None else Close(_sendable(said.code), said.reason)


def _sendable(code: int) -> int:
    return 1000 if code in UNSENDABLE else code


def _message(content: str | bytes) -> Message:
    kind = "text" if isinstance(content, str) else "bytes"
    return {"type": "websocket.send", kind: content}
