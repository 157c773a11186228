"""Why llama.cpp could not go on, out of what it printed."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_CHARACTERS = 300
"""Of a reason: a line, not a log."""

_STAMP = re.compile(r"^(?:[\d.]+ [A-Z] )?")
_PLACE = re.compile(r"^(?:\w+ +)?\w+: +(?=\S)")
_FAULT = re.compile(
    r"^[\d.]+ E |^error: (?!Failed to init server)|error loading|failed to|couldn't|could not|unable to"
    r"|invalid|bad_alloc|GGML_ASSERT|what\(\):",
    re.IGNORECASE,
)
_MEMORY = re.compile(
    r"bad_alloc|out of memory|failed to allocate|cannot allocate|MemoryError|alloc_buffer", re.I
)
_MODEL = re.compile(
    r"gguf|error loading model|load model|tensor|magic|string length|architecture|vocabulary|corrupted", re.I
)
_PORT = re.compile(r"bind HTTP server socket", re.I)


def reason(lines: Iterable[str]) -> str:
    """The first fault is the cause, those after it follow from it; "" where nothing was said."""
    faults = [line for line in lines if _FAULT.search(line)]
    if not faults:
        return ""
    if any(_MEMORY.search(line) for line in faults):
        return "the model and its context need more memory than there is; make either smaller"
    said = _said(faults[0])
    if _PORT.search(said):
        return f"its port is taken ({said})"
    return f"the model cannot be loaded: {said}" if _MODEL.search(faults[0]) else said


def _said(line: str) -> str:
    """Without the time, and the places in the code that it came from."""
    line = _STAMP.sub("", line)
    while (shorter := _PLACE.sub("", line, count=1)) != line and len(shorter) > len(line) // 3:
        line = shorter
    return line.removeprefix("error: ")[:MAX_CHARACTERS]
