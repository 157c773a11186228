"""What engines say about themselves, as far as a conversation can use it; those of others may say nothing."""

from __future__ import annotations

import logging
from typing import Annotated
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sottovoce.config import EngineEndpoint

logger = logging.getLogger(__name__)

FACTS_DEADLINE = 3.0
"""Seconds; nobody waits for it who has something to do."""
MAX_VOICES = 5_000
"""Of one engine; bounds what is kept and shown of a list."""
MAX_VOICE_CHARACTERS = 256


class ModelFacts(BaseModel):
    """Of a language model's `/v1/models/{id}`."""

    model_config = ConfigDict(extra="ignore")

    context: Annotated[int, Field(gt=0)] | None = None
    """Tokens that prompt and answer may have together."""
    prewarm: bool = False
    """Whether it takes the beginning of a prompt ahead of time."""


class _Voice(BaseModel):
    id: str
    aliases: tuple[str, ...] = ()


class _Voices(BaseModel):
    voices: list[_Voice | str]


async def model_facts(endpoint: EngineEndpoint, client: httpx.AsyncClient) -> ModelFacts | None:
    """None where the engine does not tell any."""
    body = await _told(endpoint, client, f"/models/{quote(endpoint.model, safe='')}")
    try:
        return None if body is None else ModelFacts.model_validate_json(body)
    except ValidationError:
        return ModelFacts()


async def voices_of(endpoint: EngineEndpoint, client: httpx.AsyncClient) -> tuple[str, ...]:
    """The names that a voice engine's voices go by; none where it does not tell them."""
    body = await _told(endpoint, client, "/audio/voices")
    try:
        return () if body is None else read_voices(body)
    except ValidationError:
        return ()


def read_voices(body: bytes) -> tuple[str, ...]:
    """Of the reply to `/v1/audio/voices`, a list of objects or of bare names; aliases are names as well.

    Raises `ValidationError`.
    """
    names: list[str] = []
    for voice in _Voices.model_validate_json(body).voices[:MAX_VOICES]:
        names += [voice] if isinstance(voice, str) else [voice.id, *voice.aliases]
    return tuple(dict.fromkeys(name for name in names if 0 < len(name) <= MAX_VOICE_CHARACTERS))


async def _told(endpoint: EngineEndpoint, client: httpx.AsyncClient, path: str) -> bytes | None:
    try:
        reply = await client.get(endpoint.url + path, headers=endpoint.headers, timeout=FACTS_DEADLINE)
    except httpx.HTTPError as error:
        logger.info("%s %s tells nothing of itself: %s", endpoint.kind, endpoint.model, type(error).__name__)
        return None
    return reply.content if reply.status_code == 200 else None
