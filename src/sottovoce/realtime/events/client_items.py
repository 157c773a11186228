"""Items as clients write them: messages, function calls and their outputs; bounded."""

from __future__ import annotations

import binascii
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from sottovoce.ids import MAX_ID_CHARACTERS
from sottovoce.realtime.config_part import ConfigPart, refused
from sottovoce.realtime.events.base import Wire
from sottovoce.realtime.tools_config import NO_MCP

MAX_TEXT_CHARACTERS: Final = 32_768
"""One part of a message; items are kept for the session's life."""
MAX_ARGUMENTS_CHARACTERS: Final = 65_536
MAX_OUTPUT_CHARACTERS: Final = 262_144
"""What a client's function returned: a page of text or a few, read by the model on every later turn."""
MAX_CONTENT_PARTS: Final = 16
MAX_CALL_ID_CHARACTERS: Final = 256
MAX_FUNCTION_NAME_CHARACTERS: Final = 64
DECODED_AT_ONCE: Final = 1 << 20
"""Characters of base64 decoded without a break, in which other threads may run."""

Id: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_CHARACTERS)]
CallId: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CALL_ID_CHARACTERS)]
Text: TypeAlias = Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARACTERS)]


def decoded(audio: object) -> object:
    """Base64 as bytes, whole or not at all."""
    if not isinstance(audio, str):
        return audio
    starts = range(0, len(audio), DECODED_AT_ONCE)
    try:
        pieces = [binascii.a2b_base64(audio[at : at + DECODED_AT_ONCE], strict_mode=True) for at in starts]
    except (binascii.Error, ValueError):
        message = "Input should be base64 of audio in the session's format"
        raise PydanticCustomError("base64", message) from None
    if any(len(piece) * 4 != DECODED_AT_ONCE * 3 for piece in pieces[:-1]):
        raise PydanticCustomError("base64", "Input should be base64 with its padding at the end only")
    return b"".join(pieces)


Base64: TypeAlias = Annotated[bytes, BeforeValidator(decoded)]


class InputTextPart(Wire):
    type: Literal["input_text"]
    text: Text


class OutputTextPart(Wire):
    type: Literal["output_text"]
    text: Text


class InputAudioPart(Wire):
    """Sound, or a turn of the past of which only the `transcript` is left."""

    type: Literal["input_audio"]
    audio: Base64 | None = None
    transcript: Text | None = None


class OutputAudioPart(Wire):
    """What the assistant once said: its `transcript` stands for it."""

    type: Literal["output_audio"]
    transcript: Text
    audio: None = None


class InputImagePart(Wire):
    type: Annotated[Literal["input_image"], refused("The assistant sees no images; describe it in words")]


ContentPart: TypeAlias = Annotated[
    InputTextPart | OutputTextPart | InputAudioPart | OutputAudioPart | InputImagePart,
    Field(discriminator="type"),
]
FITTING = {
    "system": {"input_text"},
    "user": {"input_text", "input_audio"},
    "assistant": {"output_text", "output_audio"},
}


class GivenItem(ConfigPart):
    """`status` has no effect, as at OpenAI."""

    id: Id | None = None
    object: Literal["realtime.item"] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None


class GivenMessage(GivenItem):
    type: Literal["message"]
    role: Literal["system", "user", "assistant"]
    content: Annotated[
        tuple[ContentPart, ...],
        Field(min_length=1, max_length=MAX_CONTENT_PARTS, strict=False, fail_fast=True),
    ]

    @model_validator(mode="after")
    def _content_fits_role(self) -> GivenMessage:
        expected = FITTING[self.role]
        if any(part.type not in expected for part in self.content):
            message = "The content of a {role} message should be of type {expected}"
            said = " or ".join(sorted(expected))
            raise PydanticCustomError("content_type", message, {"role": self.role, "expected": said})
        return self


class GivenFunctionCall(GivenItem):
    type: Literal["function_call"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_FUNCTION_NAME_CHARACTERS)]
    arguments: Annotated[str, StringConstraints(max_length=MAX_ARGUMENTS_CHARACTERS)]
    call_id: CallId | None = None


class GivenFunctionCallOutput(GivenItem):
    type: Literal["function_call_output"]
    call_id: CallId
    output: Annotated[str, StringConstraints(max_length=MAX_OUTPUT_CHARACTERS)]


class ItemReference(ConfigPart):
    """An item that stands in the conversation already."""

    type: Literal["item_reference"]
    id: Id


class McpItem(ConfigPart):
    type: Annotated[
        Literal["mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response"],
        refused(NO_MCP),
    ]


NewItem: TypeAlias = GivenMessage | GivenFunctionCall | GivenFunctionCallOutput
AnyNewItem: TypeAlias = Annotated[NewItem | McpItem, Field(discriminator="type")]
AnyInputItem: TypeAlias = Annotated[NewItem | ItemReference | McpItem, Field(discriminator="type")]
