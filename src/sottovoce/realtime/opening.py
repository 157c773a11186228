"""How a session begins over either transport: what the address asks for, and the start itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from starlette.datastructures import QueryParams

from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.port import SessionPort
from sottovoce.errors import EngineError, InvalidRequestError
from sottovoce.realtime.audio_config import DEFAULT_MODEL, AudioInput, InputOnly, Transcription
from sottovoce.realtime.config_part import MAX_NAME_CHARACTERS, merge
from sottovoce.realtime.configuration import ProtocolOptions
from sottovoce.realtime.response_traits import Transport
from sottovoce.realtime.session_config import (
    AnyConfig,
    SessionConfig,
    TranscriptionConfig,
    check_voice,
    effective,
    to_options,
)
from sottovoce.realtime.voices import COMMON_VOICES, Voices

START_DEADLINE = 10.0
"""Seconds for a session to be ready; the client's handshake waits for it."""
EXTENSIONS = "sottovoce"
INTENTS = ("conversation", "transcription")
SESSION = "sottovoce.session"
"""Where the ASGI scope holds the configuration (`AnyConfig`) that a client's secret is bound to, if any."""

SessionFactory: TypeAlias = Callable[[SessionOptions], SessionPort]
"""Makes a session that is not started yet; raises `LimitExceededError` when there are too many."""


def asked_for(
    query: QueryParams,
    transport: Transport,
    voices: Voices = COMMON_VOICES,
    session: AnyConfig | None = None,
) -> ProtocolOptions:
    """What the address asks for, and `session`: what the client's secret or form laid down.

    Raises `InvalidRequestError` where it is not to be had.
    """
    if "call_id" in query:
        raise InvalidRequestError("There is no call to listen to here.", param="call_id")
    extensions = query.get("extensions")
    if extensions not in (None, EXTENSIONS):
        raise InvalidRequestError(f"The only extensions are '{EXTENSIONS}'.", param="extensions")
    model = query.get("model") or ""
    if len(model) > MAX_NAME_CHARACTERS:
        raise InvalidRequestError("The model's name is too long.", param="model")
    asked = _intended(query.get("intent"), session)
    return ProtocolOptions(
        _model(model, asked),
        transport,
        has_extensions=extensions is not None,
        voices=voices,
        session=_named(model, asked),
    )


def _intended(intent: str | None, session: AnyConfig | None) -> AnyConfig | None:
    if intent not in (None, *INTENTS):
        raise InvalidRequestError(f"The intents are {', '.join(INTENTS)}.", param="intent")
    if intent is None:
        return session
    wanted = TranscriptionConfig if intent == "transcription" else SessionConfig
    if session is not None and not isinstance(session, wanted):
        raise InvalidRequestError(f"The session is of type '{session.type}'.", param="intent")
    return session or (TranscriptionConfig(type="transcription") if intent == "transcription" else None)


def _model(named: str, session: AnyConfig | None) -> str:
    """The address names the model, else the session does."""
    given = (
        session.model if isinstance(session, SessionConfig) and "model" in session.model_fields_set else ""
    )
    return named or given or DEFAULT_MODEL


def _named(model: str, session: AnyConfig | None) -> AnyConfig | None:
    """`session` with the address's model: that of a session that only listens is its recogniser's."""
    if not model or session is None:
        return session
    if isinstance(session, SessionConfig):
        return merge(session, SessionConfig(type="realtime", model=model))
    heard = AudioInput(transcription=Transcription(model=model))
    return merge(TranscriptionConfig(type="transcription", audio=InputOnly(input=heard)), session)


def session_options(asked: ProtocolOptions, defaults: SessionOptions) -> SessionOptions:
    """How the session is to be made for what was asked. Raises `InvalidRequestError`."""
    config = effective(asked.session, defaults, asked.model)
    check_voice(config, asked.voices(), defaults.voice)
    return to_options(config, defaults)


async def start(session: SessionPort) -> SessionPort:
    """The session, ready to hear; it is closed where that fails.

    Raises `EngineError` when an engine cannot be reached or the session is not ready in time.
    """
    try:
        async with asyncio.timeout(START_DEADLINE):
            await session.start()
    except TimeoutError:
        await session.aclose()
        raise EngineError("The session was not ready in time; try again.", engine="session") from None
    except BaseException:
        await session.aclose()
        raise
    return session
