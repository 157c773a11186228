"""Whether processes have ended that nobody here is the parent of."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

POLL = 0.01


def is_running(process: psutil.Process) -> bool:
    """A zombie has ended, but whoever adopted it did not look yet."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_gone(processes: Sequence[psutil.Process], deadline: float = 10.0) -> float:
    """The seconds until all have ended; fails after `deadline`."""
    began = time.monotonic()
    while left := [process for process in processes if is_running(process)]:
        assert time.monotonic() - began < deadline, f"still there: {left}"
        time.sleep(POLL)
    return time.monotonic() - began
