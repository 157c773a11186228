"""A client's request on its way to an engine, and to the next one if the first fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic_core import from_json

from sottovoce.errors import InvalidRequestError
from sottovoce.gateway.form_field import FieldFinder

REPLAY_BYTES = 4 << 20
"""Of a form that are kept to be sent again: two minutes of speech as 16 kHz wav. What is longer goes to one
engine only; bounds the memory of each request."""

PEEK_BYTES = 64 << 10
"""Of a form that are read to find which of several models it names; stock clients name it first."""

Body = bytes | AsyncIterator[bytes] | None


class Outgoing(Protocol):
    @property
    def model(self) -> str | None:
        """The one it names, as far as is known."""

    @property
    def is_streamed(self) -> bool:
        """Whether its answer comes while it is made, so that the first of it comes soon."""

    @property
    def can_be_sent_again(self) -> bool: ...

    def body(self) -> Body:
        """From its beginning, each time."""


@dataclass(frozen=True, slots=True)
class Whole:
    """One that is here, or that has no body."""

    content: bytes | None
    model: str | None = None
    is_streamed: bool = False
    can_be_sent_again: bool = True

    def body(self) -> Body:
        return self.content


def whole_json(content: bytes) -> Whole:
    """What is no object of JSON is for the engine to refuse."""
    parsed = object_of(content) or {}
    model = parsed.get("model")
    return Whole(content, model if isinstance(model, str) else None, parsed.get("stream") is True)


def object_of(content: bytes) -> dict[str, Any] | None:
    try:
        body = from_json(content, allow_inf_nan=False)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


class Form:
    """One that passes by while it comes; its beginning is kept, for as long as that is all of it."""

    is_streamed = False

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.model: str | None = None
        self._source = chunks
        self._kept = bytearray()
        self._is_kept_whole = True
        self._is_broken = False

    @property
    def can_be_sent_again(self) -> bool:
        return self._is_kept_whole and not self._is_broken

    async def find_model(self, content_type: str) -> None:
        """Read until the form has named its model, as far as it is worth waiting for."""
        try:
            finder = FieldFinder(content_type, "model")
            async for chunk in self._read():
                self.model = finder.push(chunk)
                if self.model is not None or len(self._kept) >= PEEK_BYTES:
                    return
        except InvalidRequestError:
            return  # the engine says what is wrong with it

    async def body(self) -> AsyncIterator[bytes]:
        if self._kept:
            yield bytes(self._kept)
        async for chunk in self._read():
            yield chunk

    async def _read(self) -> AsyncIterator[bytes]:
        while True:
            try:
                chunk = await anext(self._source, None)
            except BaseException:
                self._is_broken = True  # where it stopped nobody can go on
                raise
            if chunk is None:
                return
            self._keep(chunk)
            yield chunk

    def _keep(self, chunk: bytes) -> None:
        if self._is_kept_whole and len(self._kept) + len(chunk) <= REPLAY_BYTES:
            self._kept += chunk
        else:
            self._is_kept_whole = False
            self._kept.clear()
