"""Where the long-lived commands log to."""

from __future__ import annotations

import logging
import sys

LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def log_to_stderr(level: str, form: str = LOG_FORMAT) -> None:
    """Ours from `level` on, of the libraries what is wrong; each line with the id of its request."""
    from sottovoce.http.request_id import RequestIdFormatter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RequestIdFormatter(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("sottovoce").setLevel(level.upper())
