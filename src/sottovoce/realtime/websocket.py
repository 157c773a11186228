"""`GET /v1/realtime` as a WebSocket: the handshake, and a session for as long as the connection lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeAlias

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.port import SessionPort
from sottovoce.errors import EngineError, InvalidRequestError, SottovoceError
from sottovoce.http.errors import error_response
from sottovoce.realtime.commands import Close
from sottovoce.realtime.protocol import ProtocolOptions, RealtimeProtocol
from sottovoce.realtime.session_config import DEFAULT_MODEL, MAX_NAME_CHARACTERS, OPENAI_VOICES
from sottovoce.realtime.websocket_stream import WebSocketStream

logger = logging.getLogger(__name__)

START_DEADLINE = 10.0
"""Seconds for a session to be ready; the client's handshake waits for it."""
SUBPROTOCOL = "realtime"
EXTENSIONS = "sottovoce"

SessionFactory: TypeAlias = Callable[[SessionOptions], SessionPort]
"""Makes a session that is not started yet; raises `LimitExceededError` when there are too many."""


class RealtimeWebSocket:
    """An ASGI app for one route. Who may connect is decided before it, by the gateway's guard."""

    def __init__(
        self,
        create_session: SessionFactory,
        defaults: SessionOptions | None = None,
        voices: frozenset[str] = OPENAI_VOICES,
    ) -> None:
        self._create_session = create_session
        self._defaults = defaults or SessionOptions()
        self._voices = voices
        self._streams: set[WebSocketStream] = set()

    def close(self) -> None:
        """End every connection with 1001, as when the server goes down."""
        for stream in self._streams:
            stream.end(Close(1001, "The server is shutting down."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        try:
            options = self._asked(websocket.query_params)
            session = await self._start()
        except SottovoceError as error:
            logger.info("a Realtime connection was refused: %s", error.code)
            await error_response(error)(scope, receive, send)
            return
        try:
            await self._converse(websocket, session, options)
        finally:
            await session.aclose()

    async def _converse(self, websocket: WebSocket, session: SessionPort, options: ProtocolOptions) -> None:
        is_offered = SUBPROTOCOL in websocket.scope.get("subprotocols", ())
        await websocket.accept(SUBPROTOCOL if is_offered else None)
        logger.info("session %s began", session.id)
        stream = WebSocketStream(websocket, session, RealtimeProtocol(session.id, self._defaults, options))
        self._streams.add(stream)
        try:
            code = await stream.run()
        finally:
            self._streams.discard(stream)
        logger.info("session %s ended with %s", session.id, code)

    def _asked(self, query: QueryParams) -> ProtocolOptions:
        """What the address asks for; raises `InvalidRequestError` where it is not to be had."""
        for name in ("call_id", "intent"):
            if name in query:
                raise InvalidRequestError(f"The parameter '{name}' is not supported here yet.", param=name)
        extensions = query.get("extensions")
        if extensions not in (None, EXTENSIONS):
            raise InvalidRequestError(f"The only extensions are '{EXTENSIONS}'.", param="extensions")
        model = query.get("model") or DEFAULT_MODEL
        if len(model) > MAX_NAME_CHARACTERS:
            raise InvalidRequestError("The model's name is too long.", param="model")
        return ProtocolOptions(model=model, has_extensions=extensions is not None, voices=self._voices)

    async def _start(self) -> SessionPort:
        session = self._create_session(self._defaults)
        try:
            async with asyncio.timeout(START_DEADLINE):
                await session.start()
        except TimeoutError:
            await session.aclose()
            raise EngineError("The session was not ready in time; try again.", engine="session") from None
        except BaseException:
            await session.aclose()
            raise
        return session
