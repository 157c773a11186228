"""The names of models that clients hard-code, put right for engines of others.

A client that asks for "gpt-4o" means "the model there is". Our own engines know such names; an engine
given by URL knows its own, so it is asked for the model that the settings name.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any

from pydantic_core import from_json, to_json

from sottovoce.config import EngineKind, Settings
from sottovoce.gateway.form_field import with_field
from sottovoce.gateway.model_listing import ModelListing

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
    """Changes a name only for an engine of others whose model is set, and that does not list the name."""

    def __init__(self, settings: Settings, listing: ModelListing) -> None:
        self._settings = settings
        self._listing = listing

    def configured(self, kind: EngineKind) -> str | None:
        """The model that an engine of others is asked for; None where the client's own word holds."""
        engine = self._settings.engine(kind)
        return engine.model if engine.is_external else None

    async def in_json(
        self, kind: EngineKind, headers: dict[str, str], content: bytes
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a request, with the right model; what is no JSON the engine will refuse."""
        change = await self._change(kind)
        body = _parsed(content) if change else None
        if change is None or body is None:
            return headers, content
        name = body.get("model") or ""
        if not isinstance(name, str) or change(name) == name:
            return headers, content
        changed = to_json({**body, "model": change(name)})
        return {**headers, "content-length": str(len(changed))}, changed

    async def in_form(
        self, kind: EngineKind, headers: dict[str, str], chunks: AsyncIterator[bytes]
    ) -> tuple[dict[str, str], AsyncIterator[bytes]]:
        """The same for a form, which passes by without being kept; its length is then not known before."""
        change = await self._change(kind)
        if change is None:
            return headers, chunks
        kept = {name: value for name, value in headers.items() if name != "content-length"}
        return kept, with_field(chunks, headers.get("content-type", ""), "model", change)

    async def _change(self, kind: EngineKind) -> Callable[[str], str] | None:
        configured = self.configured(kind)
        if configured is None:
            return None
        known = {model.id for model in await self._listing.of(kind) or ()}
        return partial(_right_name, kind, configured, known)


def _right_name(kind: EngineKind, configured: str, known: set[str], name: str) -> str:
    is_alias = not name or (is_hard_coded(kind, name) and name not in known)
    return configured if is_alias else name


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        body = from_json(content, allow_inf_nan=False)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
