"""`/v1/realtime`: conversations, over a WebSocket or as WebRTC calls."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from sottovoce.errors import InvalidRequestError, ServerFullError
from sottovoce.gateway.calls import Calls
from sottovoce.gateway.limits import Slots
from sottovoce.http.body import read_body
from sottovoce.http.errors import error_response
from sottovoce.realtime.opening import asked_for
from sottovoce.realtime.webrtc_offer import MAX_OFFER_BYTES
from sottovoce.realtime.websocket import RealtimeWebSocket

SDP = "application/sdp"


class CountedWebSocket:
    """The WebSocket shell, for as many sessions as there are places."""

    def __init__(self, app: RealtimeWebSocket, sessions: Slots) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            place = self._sessions.take()
        except ServerFullError as error:
            await error_response(error)(scope, receive, send)
            return
        with place:
            await self._app(scope, receive, send)


def routes(websocket: RealtimeWebSocket, calls: Calls, sessions: Slots) -> list[BaseRoute]:
    async def open_call(request: Request) -> Response:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != SDP:
            raise InvalidRequestError(f"Send the SDP offer as the body, with Content-Type: {SDP}.")
        options = asked_for(request.query_params, "webrtc")
        offer = await read_body(request, MAX_OFFER_BYTES)
        call_id, answer = await calls.open(offer, options)
        # relative to the address that was called, however a proxy names it
        return Response(answer, 201, {"location": f"{request.scope['path']}/{call_id}"}, media_type=SDP)

    async def end_call(request: Request) -> Response:
        await calls.end(request.path_params["call_id"])
        return Response(status_code=200)

    return [
        WebSocketRoute("/realtime", CountedWebSocket(websocket, sessions)),
        Route("/realtime/calls", open_call, methods=["POST"]),
        Route("/realtime/calls/{call_id}", end_call, methods=["DELETE"]),
        Route("/realtime/calls/{call_id}/hangup", end_call, methods=["POST"]),
    ]
