"""`/v1/realtime`: conversations, over a WebSocket or as WebRTC calls, and sidebands of calls."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from sottovoce.errors import InvalidRequestError, SottovoceError
from sottovoce.gateway.auth import PRINCIPAL
from sottovoce.gateway.call_request import SDP, read_call
from sottovoce.gateway.calls import Calls
from sottovoce.gateway.limits import Slots
from sottovoce.http.errors import error_response
from sottovoce.realtime import sideband
from sottovoce.realtime.config_part import merge
from sottovoce.realtime.opening import SESSION, asked_for
from sottovoce.realtime.session_config import AnyConfig, read_session
from sottovoce.realtime.voices import Voices
from sottovoce.realtime.websocket import RealtimeWebSocket

CALL_ID = "call_id"
OF_A_SESSION = ("intent", "extensions")
"""Query parameters that shape a session; a sideband finds its call's session made."""

SIP_VERBS = {"accept": "accepted", "reject": "rejected", "refer": "referred"}


class RealtimeEndpoint:
    """One address for WebSockets: a session of one's own, while there are places, or a call's sideband."""

    def __init__(self, app: RealtimeWebSocket, sessions: Slots, calls: Calls) -> None:
        self._app = app
        self._sessions = sessions
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if CALL_ID in WebSocket(scope, receive, send).query_params:
                await self._join(scope, receive, send)
            else:
                with self._sessions.take():
                    await self._app(scope, receive, send)
        except SottovoceError as error:  # raised before the WebSocket is accepted, or not at all
            await error_response(error)(scope, receive, send)

    async def _join(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = WebSocket(scope, receive, send).query_params
        for name in OF_A_SESSION:
            if name in query:
                raise InvalidRequestError(f"'{name}' is the call's to choose; leave it out.", param=name)
        call = self._calls.find(query[CALL_ID], scope[PRINCIPAL])
        await sideband.attend(call, scope, receive, send)


def bound_session(bound: AnyConfig | None, given: bytes | None) -> AnyConfig | None:
    """What a client's secret laid down, and over it what the caller sent with its offer.

    Raises `InvalidRequestError`.
    """
    if given is None:
        return bound
    session = read_session(given)
    if bound is None:
        return session
    if type(session) is not type(bound):
        raise InvalidRequestError(
            f"The client secret is bound to a session of type '{bound.type}'.", param="session.type"
        )
    return merge(bound, session)


async def refuse_plain(request: Request) -> Response:
    is_upgradable = request.scope["http_version"] == "1.1"  # later ones forbid the header
    raise HTTPException(
        426,
        "Conversations are held over a WebSocket: connect to this address with a WebSocket client, by ws:// "
        "or wss://. WebRTC calls are opened by POST /v1/realtime/calls.",
        headers={"upgrade": "websocket", "connection": "upgrade"} if is_upgradable else None,
    )


def routes(websocket: RealtimeWebSocket, calls: Calls, sessions: Slots, voices: Voices) -> list[BaseRoute]:
    async def open_call(request: Request) -> Response:
        asked = await read_call(request)
        session = bound_session(request.scope.get(SESSION), asked.session)
        await voices.learn()
        options = asked_for(request.query_params, "webrtc", voices, session)
        call_id, answer = await calls.open(asked.offer, options, request.scope[PRINCIPAL])
        # relative to the address that was called, however a proxy names it
        return Response(answer, 201, {"location": f"{request.scope['path']}/{call_id}"}, media_type=SDP)

    async def end_call(request: Request) -> Response:
        await calls.end(request.path_params[CALL_ID], request.scope[PRINCIPAL])
        return Response(status_code=200)

    async def refuse_sip(request: Request) -> Response:
        calls.find(request.path_params[CALL_ID], request.scope[PRINCIPAL])
        verb = request.scope["path"].rpartition("/")[2]
        raise InvalidRequestError(
            f"A call cannot be {SIP_VERBS[verb]} here: that is for calls that come in over SIP, which this "
            "server does not take. A WebRTC call is answered at once, and ended by `hangup`.",
            code="sip_not_supported",
        )

    return [
        WebSocketRoute("/realtime", RealtimeEndpoint(websocket, sessions, calls)),
        Route("/realtime", refuse_plain, methods=["GET"]),
        Route("/realtime/calls", open_call, methods=["POST"]),
        Route("/realtime/calls/{call_id}", end_call, methods=["DELETE"]),
        Route("/realtime/calls/{call_id}/hangup", end_call, methods=["POST"]),
        *(Route(f"/realtime/calls/{{call_id}}/{verb}", refuse_sip, methods=["POST"]) for verb in SIP_VERBS),
    ]
