"""A `Responder` with llama.cpp behind it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from sottovoce.config import LlmSettings
from sottovoce.engines.llm.base import Prewarmed, ReplyPart, ReplyRequest
from sottovoce.errors import EngineUnavailable
from sottovoce.models.machine import Machine
from sottovoce.services.health import Health
from sottovoce.services.llama.backend import find_backend
from sottovoce.services.llama.client import LlamaClient, LlamaError
from sottovoce.services.llama.flags import Flags, make_flags
from sottovoce.services.llama.keeping import LlamaKeeper
from sottovoce.services.llama.places import Places
from sottovoce.services.llama.replies import Replies
from sottovoce.services.llama.wire import Manners, alternating

logger = logging.getLogger(__name__)

MAX_SHOWN_CHARACTERS = 200
"""Of a template's complaint, in the log."""

CONVERSATION: Sequence[dict[str, Any]] = (
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello."},
    {"role": "assistant", "content": "Hello."},
    {"role": "system", "content": "The user is in a hurry."},
    {"role": "user", "content": "Who are you?"},
)
"""What a model says its first word to."""


class LlamaResponder:
    """`model` is the name it is listed under, `path` its file; `health` is told while it is started again."""

    def __init__(
        self, model: str, path: Path, settings: LlmSettings, machine: Machine, health: Health
    ) -> None:
        self.model = model
        self._settings = settings
        self._machine = machine
        self._health = health
        self._flags = make_flags(path, settings, machine)
        self._client: LlamaClient | None = None
        self._keeper: LlamaKeeper | None = None
        self._replies: Replies | None = None
        self._facts: dict[str, object] = {}

    async def load(self) -> None:
        """Raises `EngineError` with the reason why llama.cpp cannot run the model."""
        if not await asyncio.to_thread(self._flags.model.is_file):
            raise EngineUnavailable(f"{self._flags.model} is no file.", engine="llm")
        key = secrets.token_urlsafe(32)
        backend = await find_backend(self._settings, self._flags, key, self._machine)
        logger.info("%s runs by the %s llama.cpp, with %s", self.model, backend.name, _shown(self._flags))
        self._facts["backend"] = backend.name
        self._client = client = LlamaClient(key)
        self._keeper = keeper = LlamaKeeper(client, self._health, self._warm)
        self._replies = Replies(client, Places(self._flags.parallel), keeper.give_up)
        await keeper.start(backend)

    async def aclose(self) -> None:
        if self._keeper is not None:
            await self._keeper.aclose()
        if self._client is not None:
            await self._client.aclose()

    def facts(self) -> dict[str, object]:
        """What the model object tells besides; `context` is one conversation's, in tokens."""
        known = {"context": self._flags.context, "parallel": self._flags.parallel, "prewarm": True}
        return {**known, **self._facts}

    def respond(self, request: ReplyRequest) -> AsyncGenerator[ReplyPart]:
        assert self._replies is not None, "the service lets nobody in before it is loaded"
        return self._replies.respond(request)

    async def prewarm(self, request: ReplyRequest) -> Prewarmed:
        assert self._replies is not None
        return await self._replies.prewarm(request)

    async def _warm(self) -> None:
        """One token, by which all is loaded, and a look at the chat template. Raises `EngineError`."""
        assert self._client is not None
        assert self._replies is not None
        try:
            is_strict = await self._is_strict()
            messages = alternating(CONVERSATION) if is_strict else CONVERSATION
            body = {"messages": messages, **self._switch}
            prompt = (await self._client.post("/apply-template", body))["prompt"]
            await self._client.post("/v1/chat/completions", {**body, "max_tokens": 1})
            properties = await self._client.get("/props")
            context = int(properties["default_generation_settings"]["n_ctx"])
        except LlamaError as error:
            raise EngineUnavailable(
                f"llama.cpp cannot work with this model: {error}", engine="llm"
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            raise EngineUnavailable(
                f"This llama.cpp does not tell what is needed of its model ({error!r}).", engine="llm"
            ) from error
        self._replies.manners = Manners(self._flags.is_thinking, is_strict)
        self._replies.are_thoughts_open = str(prompt).rstrip().endswith("<think>")
        self._facts["context"] = context

    async def _is_strict(self) -> bool:
        """Whether the template takes no conversation as ours are, with a word of the system in the middle."""
        assert self._client is not None
        try:
            await self._client.post("/apply-template", {"messages": CONVERSATION, **self._switch})
        except LlamaError as error:
            logger.info("the chat template wants alternating messages: %s", str(error)[:MAX_SHOWN_CHARACTERS])
            return True
        return False

    @property
    def _switch(self) -> dict[str, object]:
        return {"chat_template_kwargs": {"enable_thinking": self._flags.is_thinking}}


def _shown(flags: Flags) -> str:
    gpu = "" if flags.gpu_layers is None else f", {flags.gpu_layers} layers on the GPU"
    return f"{flags.threads} threads, {flags.parallel} x {flags.context} tokens of context{gpu}"
