"""Why a child ended, in words."""

from __future__ import annotations

import signal
from collections.abc import Mapping

MAX_WORDS_CHARACTERS = 300
"""Of a child's own words: what is told of it is a line, not a log."""

MEANT: Mapping[int, str] = {signal.SIGKILL: "out of memory, or killed by hand"}
"""What else signals mean depends on the program."""


def ended(status: int, last_words: str, meant: Mapping[int, str] = MEANT) -> str:
    """The end of a sentence that begins with the child's name; a negative `status` is the signal."""
    if status < 0:
        return with_words(_killed(-status, meant), last_words if -status == signal.SIGABRT else "")
    return with_words(f"ended with status {status}", last_words)


def with_words(how: str, last_words: str) -> str:
    return f"{how}: {last_words[:MAX_WORDS_CHARACTERS]}" if last_words else how


def _killed(number: int, meant: Mapping[int, str]) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"was killed by signal {number}"
    return f"was killed by {name} ({meant[number]})" if number in meant else f"was killed by {name}"
