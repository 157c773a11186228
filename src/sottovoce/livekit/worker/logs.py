"""What livekit's libraries log, as our log should have it."""

from __future__ import annotations

import logging


class _WithCause(logging.Filter):
    """livekit-agents puts the cause of its trouble beside the message, where no format of ours shows it."""

    def filter(self, record: logging.LogRecord) -> bool:
        cause = getattr(record, "error", None)
        if isinstance(cause, Exception):
            record.msg, record.args = f"{record.getMessage()}: {cause or type(cause).__name__}", ()
        return True


class _WithoutGoodbyes(logging.Filter):
    """The media library calls it an error of each of its channels when a server closes a room."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "closed unexpectedly" not in record.getMessage()


def heed() -> None:
    """Once for a process."""
    logging.getLogger("livekit.agents").addFilter(_WithCause())
    logging.getLogger("livekit").addFilter(_WithoutGoodbyes())
