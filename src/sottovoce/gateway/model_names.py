"""The names of models that clients hard-code, put right for engines of others.

A client that asks for "gpt-4o" means "the model there is". Our own engines know such names; an engine
given by URL knows its own, so it is asked for the model that the settings name.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial

from pydantic_core import to_json

from sottovoce.config import EngineEndpoint, EngineKind, Settings
from sottovoce.gateway.engines import EngineDirectory
from sottovoce.gateway.form_field import with_field
from sottovoce.gateway.model_listing import ModelListing
from sottovoce.gateway.outgoing import object_of

HARD_CODED: Mapping[EngineKind, re.Pattern[str]] = {
    "stt": re.compile(r"whisper-\d[\w.-]*|gpt-[\w.-]*(?:transcribe|whisper)[\w.-]*"),
    "llm": re.compile(
        r"(?!.*(?:transcribe|whisper|tts))(?:(?:gpt|chatgpt|codex)-|o\d)[\w.-]*|default|sottovoce"
    ),
    "tts": re.compile(r"tts-\d[\w.-]*|gpt-[\w.-]*tts[\w.-]*"),
}
"""OpenAI's names by what they do, those to come included."""

MAX_ALIAS_CHARACTERS = 64
"""Longer names are nobody's; bounds the matching."""


def is_hard_coded(kind: EngineKind, name: str) -> bool:
    """Whether clients send `name` because OpenAI has such a model."""
    return len(name) <= MAX_ALIAS_CHARACTERS and HARD_CODED[kind].fullmatch(name) is not None


class ModelNames:
    """Whose model a name means; changes one only for an engine of others whose model is set, and that does
    not list the name."""

    def __init__(self, settings: Settings, engines: EngineDirectory, listing: ModelListing) -> None:
        self._settings = settings
        self._engines = engines
        self._listing = listing

    def configured(self, endpoint: EngineEndpoint) -> str | None:
        """The model that an engine of others is asked for; None where the client's own word holds."""
        engine = self._settings.engine(endpoint.kind)
        is_it = engine.url is not None and str(engine.url).rstrip("/") == endpoint.url
        return engine.model if is_it else None

    async def owners(self, kind: EngineKind, name: str | None) -> tuple[EngineEndpoint, ...]:
        """The engines of a chain that a request for the model `name` may go to.

        All of them for a name that means "the model there is", and for one that nobody has: the first one
        says so. A model that is named itself is only where it is.
        """
        chain = tuple(self._engines.chain(kind))
        if len(chain) == 1 or not name or is_hard_coded(kind, name):
            return chain
        return (
            tuple(one for one in chain if one.model == name) or await self._listing_it(chain, name) or chain
        )

    async def _listing_it(self, chain: tuple[EngineEndpoint, ...], name: str) -> tuple[EngineEndpoint, ...]:
        lists = await asyncio.gather(*(self._listing.at(endpoint) for endpoint in chain))
        return tuple(
            endpoint
            for endpoint, models in zip(chain, lists, strict=True)
            if any(model.is_called(name) for model in models or ())
        )

    async def in_json(
        self, endpoint: EngineEndpoint, headers: dict[str, str], content: bytes
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a request, with the right model; what is no JSON the engine will refuse."""
        change = await self._change(endpoint)
        body = object_of(content) if change else None
        if change is None or body is None:
            return headers, content
        name = body.get("model") or ""
        if not isinstance(name, str) or change(name) == name:
            return headers, content
        changed = to_json({**body, "model": change(name)})
        return {**headers, "content-length": str(len(changed))}, changed

    async def in_form(
        self, endpoint: EngineEndpoint, headers: dict[str, str], chunks: AsyncIterator[bytes]
    ) -> tuple[dict[str, str], AsyncIterator[bytes]]:
        """The same for a form, which passes by without being kept; its length is then not known before."""
        change = await self._change(endpoint)
        if change is None:
            return headers, chunks
        kept = {name: value for name, value in headers.items() if name != "content-length"}
        return kept, with_field(chunks, headers.get("content-type", ""), "model", change)

    async def _change(self, endpoint: EngineEndpoint) -> Callable[[str], str] | None:
        configured = self.configured(endpoint)
        if configured is None:
            return None
        known = {model.id for model in await self._listing.at(endpoint) or ()}
        return partial(_right_name, endpoint.kind, configured, known)


def _right_name(kind: EngineKind, configured: str, known: set[str], name: str) -> str:
    is_alias = not name or (is_hard_coded(kind, name) and name not in known)
    return configured if is_alias else name
