"""`GET /v1/realtime` as a WebSocket: the handshake, and a session for as long as the connection lives."""

from __future__ import annotations

import logging

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.port import SessionPort
from sottovoce.errors import SottovoceError
from sottovoce.http.errors import error_response
from sottovoce.realtime.commands import Close
from sottovoce.realtime.opening import SESSION, SessionFactory, asked_for, session_options, start
from sottovoce.realtime.protocol import ProtocolOptions, RealtimeProtocol
from sottovoce.realtime.voices import COMMON_VOICES, Voices
from sottovoce.realtime.websocket_stream import WebSocketStream

logger = logging.getLogger(__name__)

SUBPROTOCOL = "realtime"
OWNER = "sottovoce.owner"
"""Where the ASGI scope holds the id of the key that the connection depends on, if that can be revoked."""


class RealtimeWebSocket:
    """An ASGI app for one route. Who may connect is decided before it, by the gateway's guard."""

    def __init__(
        self,
        create_session: SessionFactory,
        defaults: SessionOptions | None = None,
        voices: Voices = COMMON_VOICES,
    ) -> None:
        self._create_session = create_session
        self._defaults = defaults or SessionOptions()
        self._voices = voices
        self._streams: dict[WebSocketStream, str | None] = {}

    def close(self) -> None:
        """End every connection with 1001, as when the server goes down."""
        for stream in self._streams:
            stream.end(Close(1001, "The server is shutting down."))

    def owners(self) -> set[str]:
        """The keys that somebody talks under (`OWNER`)."""
        return {owner for owner in self._streams.values() if owner is not None}

    def end_of(self, owner: str, ending: Close) -> None:
        """End the connections of one key."""
        for stream, of in self._streams.items():
            if of == owner:
                stream.end(ending)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        try:
            await self._voices.learn()
            options = asked_for(websocket.query_params, "websocket", self._voices, scope.get(SESSION))
            session = await start(self._create_session(session_options(options, self._defaults)))
        except SottovoceError as error:
            logger.info("a Realtime connection was refused: %s", error.code)
            await error_response(error)(scope, receive, send)
            return
        try:
            await self._converse(websocket, session, options)
        finally:
            await session.aclose()

    async def _converse(self, websocket: WebSocket, session: SessionPort, options: ProtocolOptions) -> None:
        await accept(websocket)
        logger.info("session %s began", session.id)
        stream = WebSocketStream(websocket, session, RealtimeProtocol(session.id, self._defaults, options))
        self._streams[stream] = websocket.scope.get(OWNER)
        try:
            code = await stream.run()
        finally:
            del self._streams[stream]
        logger.info("session %s ended with %s", session.id, code)


async def accept(websocket: WebSocket) -> None:
    """Accept; of the subprotocols offered only `realtime` is ever selected, for the others hold keys."""
    is_offered = SUBPROTOCOL in websocket.scope.get("subprotocols", ())
    await websocket.accept(SUBPROTOCOL if is_offered else None)
