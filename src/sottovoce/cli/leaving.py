"""How the long-lived commands end."""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

import typer


def leave(status: int = 0) -> NoReturn:
    """End the process now; everything of it has been closed.

    Python would take everything apart first, object by object: seconds for the libraries of speech, and many
    on a busy machine, long after the last deadline was looked at.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def end_by_force() -> NoReturn:
    typer.echo("Stopped by force.", err=True)
    leave(1)
