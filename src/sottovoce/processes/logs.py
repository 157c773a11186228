"""What a child prints, made into log records of the parent."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeAlias

MAX_LINE_BYTES = 4096
"""Bounds what one line of a child puts into the parent's memory and log; the rest of it is dropped."""

LAST_LINES = 20
"""What a child printed before that has nothing to do with its end."""

_LEVEL = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL) (.*)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]+")
_FAULT = re.compile(
    r"\.(?:cc|cpp|cxx|h|cu|c):\w*:?\d+"  # a native engine's own words: file, function, line
    r"|^(?:[\w.]*(?:Error|Exception)|MemoryError)(?::|$)"  # the last line of a traceback
    r"|^error:|\bfailed\b|GGML_ASSERT|what\(\):",
    re.IGNORECASE,
)


class LineSplitter:
    """Bytes in, whole lines out, each at most `limit_bytes` long."""

    def __init__(self, limit_bytes: int = MAX_LINE_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._line = b""

    def push(self, chunk: bytes) -> Iterator[str]:
        """The lines that `chunk` ends."""
        *ended, rest = chunk.split(b"\n")
        for line in ended:
            yield self._text(self._line + line)
            self._line = b""
        self._line = (self._line + rest)[: self.limit_bytes]

    def flush(self) -> Iterator[str]:
        """The last line, if nothing ended it."""
        if self._line:
            yield self._text(self._line)
        self._line = b""

    def _text(self, line: bytes) -> str:
        """Without control characters: a child's output must not forge a log or steer a terminal."""
        return _CONTROL.sub(" ", line[: self.limit_bytes].decode("utf-8", "replace")).strip()


ReadLine: TypeAlias = Callable[[str], tuple[int, str]]
"""A line of a child as a level of `logging` and a message."""


def leveled(line: str) -> tuple[int, str]:
    """Lines of Python children begin with their level's name; others are told as they come."""
    found = _LEVEL.match(line)
    return (logging.getLevelNamesMapping()[found[1]], found[2]) if found else (logging.INFO, line)


class ChildLog:
    """Forwards a child's output line by line and remembers the last lines, which often tell why it died."""

    def __init__(self, name: str, read: ReadLine = leveled, limit_bytes: int = MAX_LINE_BYTES) -> None:
        """`name` is the logger's; `limit_bytes` is for lines as they come, before they are read."""
        self.logger = logging.getLogger(name)
        self._read = read
        self._lines = LineSplitter(limit_bytes)
        self._last: deque[tuple[bool, str]] = deque(maxlen=LAST_LINES)

    @property
    def last_words(self) -> str:
        """The newest of the last lines that tells of a fault, else the last line."""
        faults = [line for is_fault, line in self._last if is_fault]
        return faults[-1] if faults else self._last[-1][1] if self._last else ""

    def push(self, chunk: bytes) -> None:
        self._log(self._lines.push(chunk))

    def flush(self) -> None:
        self._log(self._lines.flush())

    def _log(self, lines: Iterator[str]) -> None:
        for line in lines:
            if line:
                level, message = self._read(line)
                self._last.append((level >= logging.ERROR or _FAULT.search(message) is not None, message))
                self.logger.log(level, "%s", message)
