"""The signalling of rooms, handed to the LiveKit server of this machine and back, message by message.

Whoever has a token may join: LiveKit checks it, before the client's connection is accepted. Its media goes
straight to the LiveKit server.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI

from sottovoce.errors import InvalidRequestError, LiveKitUnavailable, SottovoceError
from sottovoce.gateway.attempts import Tally
from sottovoce.gateway.limits import Slots
from sottovoce.gateway.relayed_signal import CLOSE_PATIENCE, MAX_SIGNAL_BYTES, RelayedSignal
from sottovoce.http.errors import error_response
from sottovoce.livekit.access import LiveKitDirectory
from sottovoce.realtime.commands import Close

logger = logging.getLogger(__name__)

MAX_QUEUED_FRAMES = 4
"""Of the server's, for a client that reads slowly; behind them the server has to wait."""

HANDSHAKE_PATIENCE = 20.0
"""Seconds for LiveKit to let somebody in: it tries three times to start the room, for 18 s in all."""

MAX_REFUSAL_BYTES = 4096
"""Of LiveKit's words to somebody whom it refuses."""

PASSED_ON = ("authorization",)
"""Headers that LiveKit reads, but for `user-agent`. Where clients come from stays here."""

_library = logging.getLogger(f"{__name__}.websockets")
_library.setLevel(logging.INFO)  # below it tells addresses, and so tokens


class SignalRelay:
    """Knows the paths it is called with, and nothing else of LiveKit's is within reach."""

    def __init__(self, livekit: LiveKitDirectory, limit: int) -> None:
        self._livekit = livekit
        self._open: set[RelayedSignal] = set()
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
            relayed = RelayedSignal(upstream, receive, send)
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
