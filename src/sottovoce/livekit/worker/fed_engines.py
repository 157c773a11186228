"""Engines that a parent tells of, line by line, for as long as it lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from sottovoce.config import EngineEndpoint, EngineKind
from sottovoce.errors import InvalidRequestError
from sottovoce.livekit.engine_lines import read_line

logger = logging.getLogger(__name__)


class FedEngines:
    """`Engines` as the last line said. Before the first there are none."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self.on_change = on_change
        self._chains: Mapping[EngineKind, Sequence[EngineEndpoint]] = {}

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return self._chains.get(kind, ())

    async def read(self, lines: asyncio.StreamReader) -> None:
        """Until the parent's end of the pipe closes, or it says what is not to be understood."""
        while line := await _next(lines):
            try:
                self._chains = read_line(line)
            except InvalidRequestError as error:
                logger.error("a line about the engines is not understood: %s", error.message)
                return
            self.on_change()


class FixedEngines:
    """Those of the settings, which never change."""

    def __init__(self, chains: Mapping[EngineKind, Sequence[EngineEndpoint]]) -> None:
        self._chains = chains

    def chain(self, kind: EngineKind) -> Sequence[EngineEndpoint]:
        return self._chains[kind]


async def _next(lines: asyncio.StreamReader) -> bytes:
    """b"" at the end. A line without an end, or a longer one than the reader takes, is the end as well."""
    try:
        line = await lines.readline()
    except ValueError:
        logger.error("a line about the engines is too long")
        return b""
    return line if line.endswith(b"\n") else b""
