"""`POST /api/connection-details`: LiveKit's token endpoint, which lets the caller into a room."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sottovoce.config import Settings
from sottovoce.conversation.options import SessionOptions
from sottovoce.errors import ForbiddenError, InvalidRequestError, LiveKitUnavailable, NotFoundError
from sottovoce.gateway.auth import PRINCIPAL
from sottovoce.gateway.forwarded import own_websocket_url
from sottovoce.gateway.limits import GatewayLimits
from sottovoce.gateway.places import client_of
from sottovoce.gateway.principal import Principal
from sottovoce.gateway.rate import Rate
from sottovoce.http.body import read_json
from sottovoce.livekit.access import LiveKitAccess, LiveKitDirectory
from sottovoce.livekit.token_request import TokenRequest
from sottovoce.livekit.tokens import ParticipantToken, in_metadata, mint, session_of
from sottovoce.realtime.configuration import ProtocolOptions
from sottovoce.realtime.opening import session_options
from sottovoce.realtime.voices import Voices

MAX_TOKEN_REQUEST_BYTES = 64 << 10
"""Memory: more than all of the bounded fields together, however they are escaped, would never fit a token."""


class ConnectionDetails(BaseModel):
    """The reply: LiveKit's `TokenSourceResponse`, and the names that local-voice-ai's clients read."""

    model_config = ConfigDict(populate_by_name=True)

    server_url: str
    participant_token: str
    camel_server_url: str = Field(alias="serverUrl")
    camel_room_name: str = Field(alias="roomName")
    camel_participant_name: str = Field(alias="participantName")
    camel_participant_token: str = Field(alias="participantToken")

    @classmethod
    def of(cls, server_url: str, token: ParticipantToken) -> ConnectionDetails:
        return cls(
            server_url=server_url,
            participant_token=token.jwt,
            camel_server_url=server_url,
            camel_room_name=token.room_name,
            camel_participant_name=token.name,
            camel_participant_token=token.jwt,
        )


class Tokens:
    """Mints them for callers whose key is good for conversations."""

    def __init__(
        self,
        livekit: LiveKitDirectory | None,
        settings: Settings,
        defaults: SessionOptions,
        voices: Voices,
        rate: Rate,
    ) -> None:
        self._livekit = livekit
        self._settings = settings
        self._defaults = defaults
        self._voices = voices
        self._rate = rate

    async def create(self, request: Request) -> Response:
        _check_caller(request.scope[PRINCIPAL])
        self._rate.spend(client_of(request.scope, is_behind_proxy=self._settings.behind_proxy))
        access = self._access()
        asked = await read_json(request, TokenRequest, MAX_TOKEN_REQUEST_BYTES, empty=b"{}")
        await self._check_session(asked)
        token = mint(asked, access, self._settings.livekit)
        made = ConnectionDetails.of(access.server_url or self._own_url(request), token)
        return Response(made.model_dump_json(by_alias=True), 201, media_type="application/json")

    def _access(self) -> LiveKitAccess:
        if self._livekit is None:
            raise NotFoundError(
                "There are no rooms: LiveKit is off. Start the server with `sottovoce serve --livekit` "
                "(SOTTOVOCE_LIVEKIT=managed), or set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.",
                code="livekit_off",
            )
        status = self._livekit.status()
        if not status.is_ready:
            why = (status.reason or "it is starting").removesuffix(".")
            raise LiveKitUnavailable(f"LiveKit is not ready: {why}. Try again in a moment.")
        return self._livekit.access

    async def _check_session(self, asked: TokenRequest) -> None:
        """Raises `InvalidRequestError` where the assistant could not be as it is asked for."""
        if (config := session_of(asked)) is None:
            return
        await self._voices.learn()
        try:
            session_options(ProtocolOptions(voices=self._voices, session=config), self._defaults)
        except InvalidRequestError as error:
            raise in_metadata(error) from None

    def _own_url(self, request: Request) -> str:
        return own_websocket_url(request, is_behind_proxy=self._settings.behind_proxy)


def _check_caller(caller: Principal) -> None:
    if caller.kind == "secret":
        raise ForbiddenError(
            "A client secret opens /v1/realtime only. To let a page into a room, ask here with an API key "
            "and hand the page the token.",
            code="insufficient_scope",
        )


def routes(
    livekit: LiveKitDirectory | None,
    settings: Settings,
    defaults: SessionOptions,
    voices: Voices,
    limits: GatewayLimits,
) -> list[Route]:
    rate = Rate(limits.token_burst, limits.token_interval, "rooms")
    tokens = Tokens(livekit, settings, defaults, voices, rate)
    return [Route("/connection-details", tokens.create, methods=["POST"])]
