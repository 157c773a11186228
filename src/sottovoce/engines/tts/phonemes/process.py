"""espeak-ng's phonemes from its own process, which is started again when it ends."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Protocol

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-P", "-m", "sottovoce.engines.tts.phonemes.child")
ANSWER_DEADLINE = 2.0
"""Seconds for the phonemes of a clause, which take under a millisecond: a process that is longer hangs."""

START_DEADLINE = 10.0
"""Seconds for the process to come up, which takes 0.1 on an idle machine."""

MAX_LINE_BYTES = 1 << 20
"""Of an answer: a hundred times that of the longest text."""

TRIES = 2
"""A process that ends is started once more; one that ends again over the same words is not."""


class PhonemesUnavailable(Exception):  # noqa: N818  named for the situation, as our other errors are
    """espeak-ng is not there, does not speak the language, or ended twice over the same text."""


class PhonemeSource(Protocol):
    """Where phonemes of any text come from, where there is such a source."""

    @property
    def languages(self) -> frozenset[str]:
        """Those it speaks, as espeak-ng calls them; none without espeak-ng."""

    async def phonemes(self, texts: Sequence[str], language: str) -> list[str]:
        """The IPA of each text, without punctuation. Raises `PhonemesUnavailable`."""


class PhonemeProcess:
    """A `PhonemeSource`; `start` first. One request at a time, in the order they come."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._numbers = count(1)
        self.languages: frozenset[str] = frozenset()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Raises `PhonemesUnavailable` where there is no espeak-ng."""
        self._process = process = await self._spawned()
        try:
            answer = await self._line(process, START_DEADLINE)
        except _Gone as error:
            await self.aclose()
            raise PhonemesUnavailable(f"espeak-ng did not start: {error}") from error
        if "error" in answer:
            await self.aclose()
            raise PhonemesUnavailable(str(answer["error"]))
        languages = answer["languages"]
        assert isinstance(languages, list)
        self.languages = frozenset(map(str, languages))

    async def _spawned(self) -> asyncio.subprocess.Process:
        """Without the settings and the key of the service. Raises `PhonemesUnavailable`."""
        try:
            return await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if not name.startswith("SOTTOVOCE_")},
                limit=MAX_LINE_BYTES,
            )
        except OSError as error:
            raise PhonemesUnavailable(f"its process cannot be started: {error}") from error

    async def phonemes(self, texts: Sequence[str], language: str) -> list[str]:
        async with self._lock:
            for _ in range(TRIES):
                try:
                    return await self._asked(texts, language)
                except _Gone as error:
                    logger.warning("the phoneme process %s; it is started again", error)
                    await self.aclose()
        raise PhonemesUnavailable("espeak-ng ends over this text")

    async def aclose(self) -> None:
        """Safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            _transport(process).close()

    async def _asked(self, texts: Sequence[str], language: str) -> list[str]:
        if self._process is None:
            await self.start()
        process, number = self._process, next(self._numbers)
        assert process is not None
        assert process.stdin is not None
        request = {"id": number, "voice": language, "texts": list(texts)}
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise _Gone("ended") from error
        answer = await self._line(process, ANSWER_DEADLINE)
        while answer.get("id") != number:  # of a request that was cancelled
            answer = await self._line(process, ANSWER_DEADLINE)
        if "error" in answer:
            raise PhonemesUnavailable(str(answer["error"]))
        phonemes = answer["phonemes"]
        assert isinstance(phonemes, list)
        return [str(each) for each in phonemes]

    async def _line(self, process: asyncio.subprocess.Process, deadline: float) -> dict[str, object]:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(deadline):
                line = await process.stdout.readline()
        except TimeoutError:
            raise _Gone(f"gave no answer within {deadline:.0f} s") from None
        except ValueError as error:  # a line beyond the limit
            raise _Gone("gave nonsense") from error
        try:
            answer: dict[str, object] = json.loads(line)
        except ValueError as error:
            raise _Gone("ended" if not line else "gave nonsense") from error
        return answer


class _Gone(Exception):  # noqa: N818
    """The process ended, hangs, or is out of its mind."""


def _transport(process: asyncio.subprocess.Process) -> asyncio.SubprocessTransport:
    """Closing it frees the pipes at once instead of when the process is collected."""
    transport = process._transport  # type: ignore[attr-defined]
    assert isinstance(transport, asyncio.SubprocessTransport)
    return transport
