"""How a session begins over either transport: what the address asks for, and the start itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from starlette.datastructures import QueryParams

from sottovoce.conversation.options import SessionOptions
from sottovoce.conversation.port import SessionPort
from sottovoce.errors import EngineError, InvalidRequestError
from sottovoce.realtime.protocol import ProtocolOptions
from sottovoce.realtime.response import Transport
from sottovoce.realtime.session_config import DEFAULT_MODEL, MAX_NAME_CHARACTERS, OPENAI_VOICES

START_DEADLINE = 10.0
"""Seconds for a session to be ready; the client's handshake waits for it."""
EXTENSIONS = "sottovoce"

SessionFactory: TypeAlias = Callable[[SessionOptions], SessionPort]
"""Makes a session that is not started yet; raises `LimitExceededError` when there are too many."""


def asked_for(
    query: QueryParams, transport: Transport, voices: frozenset[str] = OPENAI_VOICES
) -> ProtocolOptions:
    """What the address asks for; raises `InvalidRequestError` where it is not to be had."""
    for name in ("call_id", "intent"):
        if name in query:
            raise InvalidRequestError(f"The parameter '{name}' is not supported here yet.", param=name)
    extensions = query.get("extensions")
    if extensions not in (None, EXTENSIONS):
        raise InvalidRequestError(f"The only extensions are '{EXTENSIONS}'.", param="extensions")
    model = query.get("model") or DEFAULT_MODEL
    if len(model) > MAX_NAME_CHARACTERS:
        raise InvalidRequestError("The model's name is too long.", param="model")
    return ProtocolOptions(model, transport, has_extensions=extensions is not None, voices=voices)


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
