"""What may be asked of the token endpoint: LiveKit's `TokenSourceRequest` as JSON, and its bounds.

Names come in either of protobuf's spellings, `room_name` or `roomName`; null and "" are what is not given.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, TypeAlias

from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from sottovoce.livekit.conventions import REALTIME_CLIENT

MAX_NAME_BYTES = 256
"""Of rooms, identities and participants: more, LiveKit refuses when they join."""
MAX_METADATA_BYTES = 4096
"""A participant's. All of this rides in the token, in the address of each connection."""
MAX_ATTRIBUTES = 32
"""Each change of one is told to everybody in the room."""
MAX_ATTRIBUTE_NAME_BYTES = 128
MAX_ATTRIBUTE_BYTES = 1024
MAX_ATTRIBUTES_BYTES = 4096
"""Names and values of a participant together: see `MAX_METADATA_BYTES`."""
MAX_JOB_METADATA_BYTES = 8192
"""Of what the assistant is to be like; a longer one is given by `session.update` in the room."""

AGENT_IDENTITY = "agent-"
"""What LiveKit's identities of assistants begin with."""
RESERVED = ("lk.", "sip.", "sottovoce.")
"""Beginnings of attributes that LiveKit, its telephony and we give a meaning to; nobody else may set them."""
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Kinds of characters that break lines in logs and lists, or are no text."""


class Message(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name))),
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_is_not_given(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None and value != ""}


def _at_most(limit_bytes: int) -> AfterValidator:
    def check(given: str) -> str:
        if len(given.encode()) > limit_bytes:
            raise PydanticCustomError("too_long", f"has more than {limit_bytes} bytes of UTF-8")
        return given

    return AfterValidator(check)


def _printable(given: str) -> str:
    if any(unicodedata.category(character) in UNPRINTABLE for character in given):
        raise PydanticCustomError("unprintable", "has control characters or line breaks in it")
    return given


def _nobody_else(identity: str) -> str:
    if identity.lower().startswith(AGENT_IDENTITY):
        raise PydanticCustomError("reserved", f"may not begin with '{AGENT_IDENTITY}': assistants do")
    return identity


def _may_be_set(attributes: dict[str, str]) -> dict[str, str]:
    for name, value in attributes.items():
        if name == REALTIME_CLIENT:
            if value not in ("true", "false"):
                raise PydanticCustomError("invalid", f"'{REALTIME_CLIENT}' is 'true' or 'false'")
        elif name.lower().startswith(RESERVED):
            raise PydanticCustomError(
                "reserved", "names that begin with 'lk.', 'sip.' or 'sottovoce.' are reserved"
            )
    if sum(len(text.encode()) for pair in attributes.items() for text in pair) > MAX_ATTRIBUTES_BYTES:
        raise PydanticCustomError("too_long", f"have more than {MAX_ATTRIBUTES_BYTES} bytes together")
    return attributes


def refused(why: str) -> BeforeValidator:
    """For a field of LiveKit's that is not the caller's to set; its default, which says nothing, passes."""

    def check(given: object) -> None:
        if given:
            raise PydanticCustomError("unsupported", why)

    return BeforeValidator(check)


Text: TypeAlias = Annotated[str, StringConstraints(max_length=MAX_NAME_BYTES), _at_most(MAX_NAME_BYTES)]
Name: TypeAlias = Annotated[Text, AfterValidator(_printable)]
Identity: TypeAlias = Annotated[Name, AfterValidator(_nobody_else)]
AttributeName: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_ATTRIBUTE_NAME_BYTES),
    _at_most(MAX_ATTRIBUTE_NAME_BYTES),
    AfterValidator(_printable),
]
AttributeValue: TypeAlias = Annotated[
    str, StringConstraints(max_length=MAX_ATTRIBUTE_BYTES), _at_most(MAX_ATTRIBUTE_BYTES)
]
Attributes: TypeAlias = Annotated[
    dict[AttributeName, AttributeValue], Field(max_length=MAX_ATTRIBUTES), AfterValidator(_may_be_set)
]


class AgentDispatch(Message):
    """Who is sent to the room. `metadata` is `{"session": {…}}`, a Realtime session's configuration."""

    agent_name: Name = ""
    metadata: Annotated[
        str, StringConstraints(max_length=MAX_JOB_METADATA_BYTES), _at_most(MAX_JOB_METADATA_BYTES)
    ] = ""
    restart_policy: Annotated[None, refused("is the server's: an assistant that is lost is replaced")] = None
    deployment: Annotated[None, refused("does not exist here; leave it out")] = None
    attributes: Annotated[None, refused("is the assistant's to set")] = None


class RoomConfig(Message):
    """LiveKit's `RoomConfiguration`, of which the assistant is all that a caller may shape."""

    agents: Annotated[tuple[AgentDispatch, ...], Field(max_length=1, strict=False)] = ()
    name: Annotated[None, refused("is `room_name`'s to say")] = None
    empty_timeout: Annotated[None, refused("is the server's (SOTTOVOCE_LIVEKIT_EMPTY_TIMEOUT)")] = None
    departure_timeout: Annotated[None, refused("is the server's (SOTTOVOCE_LIVEKIT_DEPARTURE_TIMEOUT)")] = (
        None
    )
    max_participants: Annotated[None, refused("is the server's (SOTTOVOCE_LIVEKIT_MAX_PARTICIPANTS)")] = None
    metadata: Annotated[None, refused("is not for callers; `participant_metadata` is")] = None
    egress: Annotated[None, refused("is not for callers: nobody is recorded")] = None
    min_playout_delay: Annotated[None, refused("is the server's")] = None
    max_playout_delay: Annotated[None, refused("is the server's")] = None
    sync_streams: Annotated[None, refused("is the server's")] = None
    tags: Annotated[None, refused("is not for callers")] = None


class TokenRequest(Message):
    """Nothing of it is required: without names there is a new room, and somebody new in it."""

    room_name: Name = ""
    participant_identity: Identity = ""
    participant_name: Name = ""
    participant_metadata: Annotated[
        str, StringConstraints(max_length=MAX_METADATA_BYTES), _at_most(MAX_METADATA_BYTES)
    ] = ""
    participant_attributes: Attributes = {}
    room_config: RoomConfig = RoomConfig()

    @property
    def agent(self) -> AgentDispatch:
        """The assistant that is asked for."""
        return self.room_config.agents[0] if self.room_config.agents else AgentDispatch()
