"""What one conversation in a room is to be like, and what a job's metadata says of it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Final

from sottovoce.errors import InvalidRequestError
from sottovoce.realtime.session_config import AnyConfig, read_session
from sottovoce.realtime.voices import COMMON_VOICES, Voices

MAX_METADATA_CHARACTERS: Final = 64 * 1024
"""Of one job: instructions and tools of a session, and more than a token should carry."""

SESSION: Final = "session"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoomOptions:
    """`session` is laid over the worker's defaults (see `session_in`); `voices` are those to choose from.

    `departure_timeout`: seconds for which a conversation that everybody left is kept for one who returns.
    `join_timeout`: seconds for which a first user is waited for.
    """

    session: AnyConfig | None = None
    voices: Voices = COMMON_VOICES
    departure_timeout: float = 20.0
    join_timeout: float = 60.0


def session_in(metadata: str) -> AnyConfig | None:
    """The Realtime session that a job's metadata, `{"session": {…}}`, asks for; None where it asks for none.

    Whoever minted the token has checked it already: what is malformed all the same is worth a warning.
    """
    if not metadata.strip():
        return None
    try:
        return read_metadata(metadata)
    except InvalidRequestError as error:
        logger.warning("the job's metadata is not used: %s", error.message)
        return None


def read_metadata(metadata: str) -> AnyConfig | None:
    """As `session_in`, for who wants to know what is wrong. Raises `InvalidRequestError`."""
    if len(metadata) > MAX_METADATA_CHARACTERS:
        raise InvalidRequestError(f"The metadata has more than {MAX_METADATA_CHARACTERS} characters.")
    try:
        given = json.loads(metadata)
    except (ValueError, RecursionError):
        raise InvalidRequestError("The metadata is no JSON.") from None
    if not isinstance(given, dict) or not set(given) <= {SESSION}:
        raise InvalidRequestError('The metadata is not of the form {"session": {…}}.')
    return read_session(given[SESSION]) if SESSION in given else None
