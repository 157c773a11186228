"""The events of OpenAI's transcription sessions: what clients send, parsed; what the service sends,
built."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from sottovoce.errors import SottovoceError
from sottovoce.ids import random_id

MAX_NAME_CHARACTERS = 256
"""Ids, models and languages are sent back; keeps one from weighing a megabyte."""
MAX_PROMPT_CHARACTERS = 4096

Name: TypeAlias = Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]
ServerEvent: TypeAlias = dict[str, Any]


class _Wire(BaseModel):
    """Unknown keys are ignored, as OpenAI adds some every month."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Format(_Wire):
    """OpenAI knows 24 kHz only; 16 kHz spares whoever has it the way there and back."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[16_000, 24_000] = 24_000


class Transcription(_Wire):
    model: Name | None = None
    language: Name | None = None
    prompt: Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)] | None = None


class ServerVad(_Wire):
    type: Literal["server_vad"] = "server_vad"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    prefix_padding_ms: Annotated[int, Field(ge=0, le=5000)] = 300
    silence_duration_ms: Annotated[int, Field(ge=40, le=10_000)] = 500


class NoiseReduction(_Wire):
    """Accepted and without effect: levels are normalised for near and far microphones alike."""

    type: Literal["near_field", "far_field"]


class AudioInput(_Wire):
    format: Format = Format()
    transcription: Transcription | None = Transcription()
    noise_reduction: NoiseReduction | None = None
    turn_detection: ServerVad | None = ServerVad()


class Audio(_Wire):
    input: AudioInput = AudioInput()


class SessionConfig(_Wire):
    """At once a partial update, of which `model_fields_set` tells what was given, and the whole
    configuration."""

    type: Literal["transcription"]
    audio: Audio = Audio()

    def merged(self, update: SessionConfig) -> SessionConfig:
        """This configuration with what `update` gives laid over it, however deep."""
        given = update.model_dump(exclude_unset=True)
        return SessionConfig.model_validate(_laid_over(self.model_dump(), given))


def _laid_over(base: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in update.items():
        is_deeper = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _laid_over(merged[name], value) if is_deeper else value
    return merged


def _from_base64(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        pcm = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("base64", "This is no base64") from None
    if len(pcm) % 2:
        raise PydanticCustomError("odd_samples", "This is an odd number of bytes; samples have two") from None
    return pcm


class _ClientEvent(_Wire):
    event_id: Name | None = None


class SessionUpdate(_ClientEvent):
    type: Literal["session.update"]
    session: SessionConfig


class Append(_ClientEvent):
    type: Literal["input_audio_buffer.append"]
    audio: Annotated[bytes, BeforeValidator(_from_base64)]


class Commit(_ClientEvent):
    type: Literal["input_audio_buffer.commit"]


class Clear(_ClientEvent):
    type: Literal["input_audio_buffer.clear"]


ClientEvent: TypeAlias = SessionUpdate | Append | Commit | Clear
_CLIENT_EVENT: TypeAdapter[ClientEvent] = TypeAdapter(Annotated[ClientEvent, Field(discriminator="type")])
_ANY_EVENT = TypeAdapter(_ClientEvent)


def parse(message: str) -> ClientEvent:
    """Raises pydantic's `ValidationError`."""
    return _CLIENT_EVENT.validate_json(message)


def event_id_of(message: str) -> str | None:
    """The id of an event that is wrong in other ways, if it is readable."""
    try:
        return _ANY_EVENT.validate_json(message).event_id
    except ValidationError:
        return None


def event(kind: str, **fields: Any) -> ServerEvent:
    return {"type": kind, "event_id": random_id("event"), **fields}


def session(kind: str, session_id: str, expires_at: int, config: SessionConfig) -> ServerEvent:
    """`session.created` or `session.updated` with the whole effective session."""
    described = {"id": session_id, "object": "realtime.transcription_session", "expires_at": expires_at}
    return event(kind, session={**described, **config.model_dump(mode="json"), "include": None})


def error(fault: SottovoceError, event_id: str | None = None) -> ServerEvent:
    return event("error", error={**fault.to_openai(), "event_id": event_id})


def item(kind: str, item_id: str, previous_item_id: str | None) -> ServerEvent:
    """`conversation.item.added` or `.done`; the words come in events of their own."""
    content = [{"type": "input_audio", "transcript": None}]
    described = {"id": item_id, "object": "realtime.item", "type": "message", "status": "completed"}
    return event(
        kind, previous_item_id=previous_item_id, item={**described, "role": "user", "content": content}
    )


_PREFIX = "conversation.item.input_audio_transcription"


def delta(item_id: str, text: str) -> ServerEvent:
    return event(f"{_PREFIX}.delta", item_id=item_id, content_index=0, delta=text)


def completed(item_id: str, transcript: str, duration: float) -> ServerEvent:
    usage = {"type": "duration", "seconds": round(duration, 3)}
    return event(f"{_PREFIX}.completed", item_id=item_id, content_index=0, transcript=transcript, usage=usage)


def failed(item_id: str, fault: SottovoceError) -> ServerEvent:
    return event(f"{_PREFIX}.failed", item_id=item_id, content_index=0, error=fault.to_openai())
