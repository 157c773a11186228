"""A `Responder` with llama.cpp behind it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from sottovoce.config import LlmSettings
from sottovoce.engines.llm.base import Finish, Prewarmed, ReplyPart, ReplyRequest, Waiting
from sottovoce.errors import EngineError, EngineTimeout, EngineUnavailable, InvalidRequestError, SottovoceError
from sottovoce.models.machine import Machine
from sottovoce.services.health import Health
from sottovoce.services.llama.backend import find_backend
from sottovoce.services.llama.client import LlamaClient, LlamaError
from sottovoce.services.llama.flags import Flags, make_flags
from sottovoce.services.llama.holding import check, is_held
from sottovoce.services.llama.keeping import LlamaKeeper
from sottovoce.services.llama.places import Places
from sottovoce.services.llama.reading import Reading
from sottovoce.services.llama.refusals import UnfitReplyError, refusal
from sottovoce.services.llama.wire import ahead_body, chat_body

logger = logging.getLogger(__name__)

LINE_SIGN = 1.0
"""Seconds between signs of life while a reply waits for a place."""
STALL_DEADLINE = 180.0
"""Seconds in which llama.cpp says that it lives and gets nothing done, after which it counts as hung: one
batch of a prompt takes a minute on the smallest machines."""
TRIES = 2
"""For a reply that must have a form."""

WARM_UP: Mapping[str, Any] = {
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}],
    "max_tokens": 1,
}


class LlamaResponder:
    """`model` is the name it is listed under, `path` its file."""

    def __init__(
        self, model: str, path: Path, settings: LlmSettings, machine: Machine, health: Health
    ) -> None:
        self.model = model
        self._settings = settings
        self._machine = machine
        self._health = health
        self._flags = make_flags(path, settings, machine)
        self._places = Places(self._flags.parallel)
        self._key = secrets.token_urlsafe(32)
        self._client: LlamaClient | None = None
        self._keeper: LlamaKeeper | None = None
        self._facts: dict[str, object] = {}
        self._are_thoughts_open = False

    async def load(self) -> None:
        """Raises `EngineError` with the reason why llama.cpp cannot run the model."""
        if not self._flags.model.is_file():
            raise EngineUnavailable(f"{self._flags.model} is no file.", engine="llm")
        backend = await find_backend(self._settings, self._flags, self._key, self._machine)
        logger.info("%s runs by the %s llama.cpp, with %s", self.model, backend.name, _shown(self._flags))
        self._client = LlamaClient(self._key)
        self._keeper = LlamaKeeper(self._client, self._health, self._warm)
        self._facts["backend"] = backend.name
        await self._keeper.start(backend)

    async def aclose(self) -> None:
        if self._keeper is not None:
            await self._keeper.aclose()
        if self._client is not None:
            await self._client.aclose()

    @property
    def pid(self) -> int | None:
        """Of llama.cpp's process."""
        return None if self._keeper is None else self._keeper.pid

    def facts(self) -> dict[str, object]:
        """What the model object tells besides; `context` is one conversation's, in tokens."""
        return {
            "context": self._flags.context,
            "parallel": self._flags.parallel,
            "prewarm": True,
            **self._facts,
        }

    async def respond(self, request: ReplyRequest) -> AsyncGenerator[ReplyPart]:
        _check(request)
        async with self._places.line() as turn:
            while not await turn.comes(within=LINE_SIGN):
                yield Waiting()
            parts = self._held(request) if is_held(request) else self._streamed(request)
            async with aclosing(parts):
                try:
                    async for part in parts:
                        yield part
                except UnfitReplyError as error:
                    raise _unfit(error) from error

    async def prewarm(self, request: ReplyRequest) -> Prewarmed:
        working = asyncio.create_task(self._read_ahead(request))
        with self._places.ahead(working) as has_place:
            if not has_place:
                working.cancel()
            try:
                await asyncio.wait({working})
            finally:
                working.cancel()
        return Prewarmed(is_whole=False) if working.cancelled() else working.result()

    async def _read_ahead(self, request: ReplyRequest) -> Prewarmed:
        body = ahead_body(request, is_thinking=self._settings.thinking)
        async with aclosing(self._parts(body, request)) as parts:
            async for part in parts:
                if isinstance(part, Finish):
                    return Prewarmed(part.prompt_tokens, part.cached_tokens)
        return Prewarmed(is_whole=False)

    async def _streamed(self, request: ReplyRequest) -> AsyncGenerator[ReplyPart]:
        """The reply as it comes. One whose first words were already unfit is asked for once more."""
        body = chat_body(request, is_thinking=self._settings.thinking)
        for number in range(TRIES):
            has_begun = False
            try:
                async with aclosing(self._parts(body, request)) as parts:
                    async for part in parts:
                        has_begun = has_begun or not isinstance(part, Waiting)
                        yield part
                return
            except UnfitReplyError:
                if has_begun or number == TRIES - 1:
                    raise

    async def _held(self, request: ReplyRequest) -> AsyncGenerator[ReplyPart]:
        """The reply when it is whole and right."""
        body = chat_body(request, is_thinking=self._settings.thinking)
        for number in range(TRIES):
            held: list[ReplyPart] = []
            try:
                async with aclosing(self._parts(body, request)) as parts:
                    async for part in parts:
                        if not isinstance(part, Waiting):
                            held.append(part)
                        yield Waiting()
                kept = check(held, request)
            except UnfitReplyError as error:
                if number == TRIES - 1:
                    raise
                logger.info("a reply is asked for again: %s", type(error).__name__)
            else:
                for part in kept:
                    yield part
                return

    async def _parts(self, body: Mapping[str, Any], request: ReplyRequest) -> AsyncGenerator[ReplyPart]:
        """What llama.cpp answers. Raises `SottovoceError` and `UnfitReplyError`."""
        assert self._client is not None, "the service lets nobody in before it is loaded"
        reading = Reading(
            has_parallel_calls=request.has_parallel_calls,
            top_logprobs=request.sampling.top_logprobs or 0,
            are_thoughts_open=self._are_thoughts_open,
        )
        moved = time.monotonic()
        try:
            async with aclosing(self._client.chat(body)) as events:
                async for event in events:
                    if event is None:
                        self._check_stall(moved)
                        yield Waiting()
                        continue
                    moved = time.monotonic()
                    for part in reading.take(event):
                        yield part
        except LlamaError as error:
            raise refusal(error) from error
        for part in reading.end():
            yield part

    def _check_stall(self, moved: float) -> None:
        if time.monotonic() - moved < STALL_DEADLINE:
            return
        assert self._keeper is not None
        self._keeper.give_up(f"hangs: it got nothing done in {STALL_DEADLINE:.0f} s")
        raise EngineTimeout("The language engine hangs, and is started again.", engine="llm")

    async def _warm(self) -> None:
        """One token, by which all is loaded and the chat template is tried. Raises `EngineError`."""
        assert self._client is not None
        switch = {"chat_template_kwargs": {"enable_thinking": self._settings.thinking}}
        try:
            rendered = await self._client.post("/apply-template", {**WARM_UP, **switch})
            await self._client.post("/v1/chat/completions", {**WARM_UP, **switch})
            properties = await self._client.get("/props")
        except LlamaError as error:
            raise EngineUnavailable(
                f"llama.cpp cannot work with this model: {error}", engine="llm"
            ) from error
        self._are_thoughts_open = str(rendered.get("prompt", "")).rstrip().endswith("<think>")
        self._facts["context"] = int(properties["default_generation_settings"]["n_ctx"])


def _check(request: ReplyRequest) -> None:
    if request.sampling.top_logprobs is not None and request.tools:
        raise InvalidRequestError(
            "logprobs are not supported together with tools: this engine tells no probabilities of calls.",
            param="logprobs",
            code="unsupported_parameter",
        )


def _shown(flags: Flags) -> str:
    gpu = "" if flags.gpu_layers is None else f", {flags.gpu_layers} layers on the GPU"
    return f"{flags.threads} threads, {flags.parallel} x {flags.context} tokens of context{gpu}"


def _unfit(error: UnfitReplyError) -> SottovoceError:
    return EngineError(
        f"The model gave no reply in the form that was asked for, {TRIES} times: {error}.",
        engine="llm",
        code="unfit_reply",
    )
