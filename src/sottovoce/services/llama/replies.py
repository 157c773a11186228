"""What a llama.cpp server answers to reply requests: in turn, in form, and for as long as it gets on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from sottovoce.engines.llm.base import Finish, Prewarmed, ReplyPart, ReplyRequest, Waiting
from sottovoce.errors import EngineCrashed, EngineError, EngineTimeout, InvalidRequestError, SottovoceError
from sottovoce.services.llama.client import LlamaClient, LlamaError
from sottovoce.services.llama.holding import check, is_held
from sottovoce.services.llama.places import Places
from sottovoce.services.llama.reading import Reading
from sottovoce.services.llama.refusals import UnfitReplyError, refusal
from sottovoce.services.llama.wire import Manners, ahead_body, chat_body

logger = logging.getLogger(__name__)

LINE_SIGN = 1.0
"""Seconds between signs of life while a reply waits for a place."""
STALL_DEADLINE = 180.0
"""Seconds in which llama.cpp says that it lives and gets nothing done, after which it counts as hung: one
batch of a prompt takes a minute on the smallest machines."""
TRIES = 2
"""For a reply that must have a form."""


class Replies:
    """By the server that `client` reaches; `on_hang` is told when it gets nothing done any more."""

    def __init__(
        self,
        client: LlamaClient,
        places: Places,
        on_hang: Callable[[str], None],
        *,
        is_thinking: bool = False,
    ) -> None:
        self._client = client
        self._places = places
        self._on_hang = on_hang
        self.manners = Manners()
        self.are_thoughts_open = False
        """Whether prompts end within the tags of thoughts, by the model's template."""

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
                await asyncio.wait({working})
        return Prewarmed(is_whole=False) if working.cancelled() else working.result()

    async def _read_ahead(self, request: ReplyRequest) -> Prewarmed:
        body = ahead_body(request, self.manners)
        async with aclosing(self._parts(body, request)) as parts:
            async for part in parts:
                if isinstance(part, Finish):
                    return Prewarmed(part.prompt_tokens, part.cached_tokens)
        return Prewarmed(is_whole=False)

    async def _streamed(self, request: ReplyRequest) -> AsyncGenerator[ReplyPart]:
        """The reply as it comes. One whose first words were already unfit is asked for once more."""
        body = chat_body(request, self.manners)
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
        body = chat_body(request, self.manners)
        for number in range(TRIES):
            held: list[ReplyPart] = []
            try:
                async with aclosing(self._parts(body, request)) as parts:
                    async for part in parts:
                        if not isinstance(part, Waiting):
                            held.append(part)
                        yield Waiting()
                kept = await asyncio.to_thread(check, held, request)  # may load jsonschema, may take a moment
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
        reading = Reading(
            has_parallel_calls=request.has_parallel_calls,
            top_logprobs=request.sampling.top_logprobs or 0,
            are_thoughts_open=self.are_thoughts_open,
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
            raise refusal(error, request) from error
        except (AttributeError, TypeError, ValueError) as error:
            raise EngineCrashed("The language engine talks nonsense.", engine="llm") from error
        for part in reading.end():
            yield part

    def _check_stall(self, moved: float) -> None:
        if time.monotonic() - moved < STALL_DEADLINE:
            return
        self._on_hang(f"hangs: it got nothing done in {STALL_DEADLINE:.0f} s")
        raise EngineTimeout("The language engine hangs, and is started again.", engine="llm")


def _check(request: ReplyRequest) -> None:
    if request.sampling.top_logprobs is not None and request.tools:
        raise InvalidRequestError(
            "logprobs are not supported together with tools: this engine tells no probabilities of calls.",
            param="logprobs",
            code="unsupported_parameter",
        )


def _unfit(error: UnfitReplyError) -> SottovoceError:
    return EngineError(
        f"The model gave no reply in the form that was asked for, {TRIES} times: {error}.",
        engine="llm",
        code="unfit_reply",
    )
