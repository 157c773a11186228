"""The sideband: a WebSocket that listens to a live call, and speaks into it, beside its caller."""

from __future__ import annotations

import logging

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from sottovoce.realtime.webrtc import Call
from sottovoce.realtime.websocket import accept
from sottovoce.realtime.websocket_line import Line

logger = logging.getLogger(__name__)


async def attend(call: Call, scope: Scope, receive: Receive, send: Send) -> None:
    """Until the sideband leaves, which does not touch the call, or the call ends, which closes the sideband.

    Raises `LimitExceededError` and `NotFoundError` before the WebSocket is accepted.
    """
    websocket = WebSocket(scope, receive, send)
    line = Line(websocket, f"a sideband of call {call.id}")
    call.audience.join(line)
    try:
        await accept(websocket)
        logger.info("call %s: a sideband joined", call.id)
        code = await line.run(lambda message: call.audience.receive_at_leisure(message, line))
    finally:
        call.audience.leave(line)
    logger.info("call %s: a sideband left with %s", call.id, code)
