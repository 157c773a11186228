"""What livekit's libraries log, as our log should have it."""

from __future__ import annotations

import logging

import aiohttp


class WithCause(logging.Filter):
    """livekit-agents puts the cause of its trouble beside the message, where no format of ours shows it."""

    def filter(self, record: logging.LogRecord) -> bool:
        cause = getattr(record, "error", None)
        if isinstance(cause, Exception):
            record.msg, record.args = f"{record.getMessage()}: {_in_words(cause)}", ()
        return True


class WithoutGoodbyes(logging.Filter):
    """The media library calls it an error of each of its channels when a server closes a room."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "closed unexpectedly" not in record.getMessage()


def heed() -> None:
    """Once for a process."""
    logging.getLogger("livekit.agents").addFilter(WithCause())
    logging.getLogger("livekit").addFilter(WithoutGoodbyes())


def _in_words(cause: Exception) -> str:
    if isinstance(cause, aiohttp.WSServerHandshakeError) and cause.status in (401, 403):
        return "the LiveKit server does not take LIVEKIT_API_KEY and LIVEKIT_API_SECRET"
    return str(cause) or type(cause).__name__
