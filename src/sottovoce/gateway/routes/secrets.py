"""`POST /v1/realtime/client_secrets`: a secret to hand to a page, bound to a session's configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sottovoce.conversation.options import SessionOptions
from sottovoce.errors import ForbiddenError
from sottovoce.gateway.auth import PRINCIPAL
from sottovoce.gateway.client_secrets import ClientSecrets
from sottovoce.gateway.principal import Principal
from sottovoce.http.body import read_body
from sottovoce.ids import random_id
from sottovoce.realtime.audio_config import DEFAULT_MODEL
from sottovoce.realtime.opening import session_options
from sottovoce.realtime.protocol import ProtocolOptions
from sottovoce.realtime.session_config import (
    AnyConfig,
    AnySession,
    SessionConfig,
    effective,
    read_session,
    session_object,
)
from sottovoce.realtime.voices import Voices

MIN_LIFETIME, DEFAULT_LIFETIME, MAX_LIFETIME = 10, 600, 7200
"""Seconds, as at OpenAI."""

MAX_SECRET_BODY_BYTES = 128 * 1024
"""Memory: what a secret is bound to is kept for as long as it lives."""


class ExpiresAfter(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=MIN_LIFETIME, le=MAX_LIFETIME)] = DEFAULT_LIFETIME


class NewSecret(BaseModel):
    """The body; nothing of it is required."""

    model_config = ConfigDict(extra="forbid")

    expires_after: ExpiresAfter | None = None
    session: dict[str, JsonValue] | None = None


class MadeSecret(BaseModel):
    """The reply; `expires_at` in Unix seconds."""

    value: str
    expires_at: int
    session: AnySession


def routes(secrets: ClientSecrets, defaults: SessionOptions, voices: Voices) -> list[Route]:
    async def create(request: Request) -> Response:
        minter: Principal = request.scope[PRINCIPAL]
        if minter.kind == "secret":
            message = "A client secret cannot make others; use an API key."
            raise ForbiddenError(message, code="insufficient_scope")
        body = await read_body(request, MAX_SECRET_BODY_BYTES)
        asked = NewSecret.model_validate_json(body or b"{}")
        config = None if asked.session is None else read_session(asked.session)
        await voices.learn()
        session = _whole(config, defaults, voices)
        lifetime = (asked.expires_after or ExpiresAfter()).seconds
        value, expires_at = secrets.mint(minter, lifetime, config)
        made = MadeSecret(value=value, expires_at=expires_at, session=session)
        return Response(made.model_dump_json(), media_type="application/json")

    return [Route("/realtime/client_secrets", create, methods=["POST"])]


def _whole(config: AnyConfig | None, defaults: SessionOptions, voices: Voices) -> AnySession:
    """What a connection will begin with. Raises `InvalidRequestError` where it could not."""
    model = config.model if isinstance(config, SessionConfig) else DEFAULT_MODEL
    session_options(ProtocolOptions(model, voices=voices, session=config), defaults)
    return session_object(effective(config, defaults, model), random_id("sess"))
