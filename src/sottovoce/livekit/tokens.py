"""Tokens to join one room with: short-lived, and good for nothing but a conversation."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from livekit.api import AccessToken, VideoGrants
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration

from sottovoce.config import LiveKitSettings
from sottovoce.errors import InvalidRequestError
from sottovoce.livekit.access import LiveKitAccess
from sottovoce.livekit.room.options import read_metadata
from sottovoce.livekit.token_request import TokenRequest
from sottovoce.realtime.session_config import AnyConfig

MAX_TOKEN_BYTES = 16 << 10
"""It is sent in the address of a connection, whose headers have 32 KiB; a client's offer comes beside."""

DEFAULT_NAME = "user"
AGENT = "room_config.agents.0"
"""The path of the assistant in a request."""


@dataclass(frozen=True, slots=True)
class ParticipantToken:
    """`jwt` lets `identity` into `room_name`."""

    room_name: str
    identity: str
    name: str
    jwt: str = field(repr=False)


def session_of(request: TokenRequest) -> AnyConfig | None:
    """The Realtime session that the assistant is to have, if the request says one.

    Raises `InvalidRequestError` naming the path into the request.
    """
    if not request.agent.metadata.strip():
        return None
    try:
        return read_metadata(request.agent.metadata)
    except InvalidRequestError as error:
        raise in_metadata(error) from None


def in_metadata(error: InvalidRequestError) -> InvalidRequestError:
    """A fault of the session as one of the request that holds it."""
    within = f"{AGENT}.metadata"
    path = f"{within}.{error.param}" if error.param else within
    return InvalidRequestError(f"{within}: {error.message}", param=path, code=error.code)


def mint(request: TokenRequest, access: LiveKitAccess, settings: LiveKitSettings) -> ParticipantToken:
    """A token for what is asked; what it permits is the same for everybody.

    Its metadata has been looked at (`session_of`). Raises `InvalidRequestError`.
    """
    _check_agent(request.agent.agent_name, settings.agent_name)
    room = request.room_name or f"room-{uuid.uuid4()}"
    identity = request.participant_identity or f"user-{uuid.uuid4()}"
    name = request.participant_name or DEFAULT_NAME
    token = (
        AccessToken(access.api_key, access.api_secret)
        .with_kind("standard")
        .with_identity(identity)
        .with_name(name)
        .with_metadata(request.participant_metadata)
        .with_attributes(dict(request.participant_attributes))
        .with_ttl(timedelta(seconds=settings.token_ttl))
        .with_grants(_grants(room))
        .with_room_config(_configuration(request, settings))
    )
    return ParticipantToken(room, identity, name, _bounded(token.to_jwt()))


def _grants(room: str) -> VideoGrants:
    """To speak, hear and write there; neither to see, record or rule it, nor to be somebody else later."""
    return VideoGrants(
        room_join=True,
        room=room,
        can_publish=True,
        can_publish_sources=["microphone"],
        can_publish_data=True,
        can_subscribe=True,
        can_update_own_metadata=False,
    )


def _configuration(request: TokenRequest, settings: LiveKitSettings) -> RoomConfiguration:
    """LiveKit makes the room with it when the first one joins, and sends the assistant there."""
    agent = RoomAgentDispatch(agent_name=settings.agent_name, metadata=request.agent.metadata)
    return RoomConfiguration(
        agents=[agent],
        empty_timeout=settings.empty_timeout,
        departure_timeout=settings.departure_timeout,
        max_participants=settings.max_participants,
    )


def _check_agent(asked: str, ours: str) -> None:
    if asked not in ("", ours):
        raise InvalidRequestError(
            f"There is no agent of this name here. Leave it out, or name '{ours}' "
            "(SOTTOVOCE_LIVEKIT_AGENT_NAME).",
            param=f"{AGENT}.agent_name",
        )


def _bounded(jwt: str) -> str:
    if len(jwt) > MAX_TOKEN_BYTES:
        raise InvalidRequestError(
            f"The token would have {len(jwt)} bytes; it may have {MAX_TOKEN_BYTES}. Shorten the metadata, "
            "the attributes or the session. A long session is better given by `session.update` in the room."
        )
    return jwt
