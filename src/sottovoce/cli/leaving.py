"""How the long-lived commands end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import NoReturn

import typer


def stop_signal() -> asyncio.Event:
    """Set by the first SIGTERM or Ctrl-C; a second one ends the process and its children at once."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            end_by_force()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


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
