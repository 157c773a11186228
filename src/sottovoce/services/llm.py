"""The llm service: `POST /v1/chat/completions` over a language engine.

`POST /v1/chat/prewarm` takes the same body and reads its prompt ahead: who knows the instructions and tools
of a conversation sends them there before the user has said a word, and the first reply starts sooner.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, replace
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sottovoce.config import load, load_handed_down
from sottovoce.engines.llm.base import Finish, ReplyPart, ReplyRequest, Responder, TextChunk, Waiting
from sottovoce.engines.llm.rules import RulesResponder
from sottovoce.errors import EngineCrashed, LimitExceededError
from sottovoce.http.auth import RequireKey
from sottovoce.http.body import MAX_JSON_BYTES, read_json
from sottovoce.http.errors import EXCEPTION_HANDLERS
from sottovoce.http.heartbeats import HEARTBEAT
from sottovoce.processes.cancelling import cancelled
from sottovoce.services.chat_request import LLAMA, RULES, ChatRequest, Fates
from sottovoce.services.child import ServiceOptions
from sottovoce.services.completion import Choice, Completion
from sottovoce.services.health import Health
from sottovoce.services.models import ServedModel
from sottovoce.services.stream import StreamedReply

logger = logging.getLogger(__name__)

MAX_REPLIES = 64
"""At one time: bounds what waits for the engine."""

FIRST_SIGN = 2.0
"""Seconds without a word after which a stream begins with a comment. Until then an error has its status."""
SIGN_INTERVAL = 1.0
"""Seconds between two such comments."""

MODEL_ALIASES = frozenset(
    {
        *("sottovoce", "default", "gpt-3.5-turbo", "gpt-4", "gpt-4-turbo", "gpt-4o", "gpt-4o-mini"),
        *("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5", "gpt-5-mini", "gpt-5-nano"),
        *("o1", "o1-mini", "o3", "o3-mini", "o4-mini"),
        *("gpt-realtime", "gpt-realtime-mini", "gpt-realtime-2.1", "gpt-realtime-2.1-mini"),
    }
)
"""What OpenAI's clients send by themselves."""

MODEL_FAMILY = re.compile(
    r"(?!.*(?:tts|transcribe|whisper|image))(?:chatgpt-|codex-|gpt-(?:\d|realtime|audio)|o\d)[\w.-]*"
)
"""All the names OpenAI gives to models that chat, those to come included: clients hard-code the newest."""


class ChatService:
    """Answers the completions route with one engine; `fates` and `facts` say what it can do."""

    def __init__(
        self,
        responder: Responder,
        fates: Fates = RULES,
        facts: Callable[[], Mapping[str, object]] = dict,
        health: Health | None = None,
    ) -> None:
        self.responder = responder
        self.fates = fates
        self.model = ServedModel(responder.model, MODEL_ALIASES, MODEL_FAMILY, fates.parameters, facts)
        self.health = health or Health()
        self.replies = 0

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(self.health.load(self.responder.load()))
        try:
            yield
        finally:
            await cancelled(loading)
            await self.responder.aclose()

    def routes(self) -> list[Route]:
        return [
            *self.health.routes(),
            *self.model.routes(),
            Route("/v1/chat/completions", self.complete, methods=["POST"]),
            Route("/v1/chat/prewarm", self.prewarm, methods=["POST"]),
        ]

    async def complete(self, request: Request) -> Response:
        wanted = await self._read(request)
        completion = Completion(self.model.id, wanted.has_usage_chunk)
        replies = [self._counted(one) for one in _each(wanted)]
        if wanted.stream:
            return StreamedReply(_events(replies, completion), "text/event-stream")
        return StreamedReply(_whole(replies, completion), "application/json")

    async def prewarm(self, request: Request) -> Response:
        wanted = await self._read(request)
        return StreamedReply(self._prewarmed(wanted.reply_request()), "application/json")

    async def _read(self, request: Request) -> ChatRequest:
        wanted = await read_json(request, ChatRequest, MAX_JSON_BYTES)
        self.fates.check(wanted)
        self.model.check(wanted.model or self.model.id)
        await self.health.wait("The language engine", "llm")
        return wanted

    async def _prewarmed(self, wanted: ReplyRequest) -> AsyncGenerator[bytes]:
        warmed = await self.responder.prewarm(wanted)
        yield json.dumps({"object": "chat.prewarm", "model": self.model.id, **asdict(warmed)}).encode()

    async def _counted(self, wanted: ReplyRequest) -> AsyncGenerator[ReplyPart]:
        if self.replies >= MAX_REPLIES:
            raise LimitExceededError(f"{MAX_REPLIES} replies are being made; try again in a moment.")
        self.replies += 1
        try:
            async with aclosing(self.responder.respond(wanted)) as parts:
                async for part in parts:
                    yield part
        finally:
            self.replies -= 1


def _each(wanted: ChatRequest) -> list[ReplyRequest]:
    """The request once for each choice; a seed makes them differ in the same way every time."""
    request = wanted.reply_request()
    if request.seed is None:
        return [request] * wanted.choices
    return [replace(request, seed=request.seed + number) for number in range(wanted.choices)]


async def _whole(
    replies: Sequence[AsyncGenerator[ReplyPart]], completion: Completion
) -> AsyncGenerator[bytes]:
    """The replies, one after the other, as one JSON object."""
    choices, finishes, signs = [Choice() for _ in replies], [], Signs(HEARTBEAT, HEARTBEAT)
    for choice, parts in zip(choices, replies, strict=True):
        async with aclosing(_parts(parts)) as known:
            async for part in known:
                if isinstance(part, Waiting):
                    if signs.is_due():
                        yield b"\n"
                elif isinstance(part, Finish):
                    finishes.append(part)
                else:
                    choice.delta(part)
    yield json.dumps(completion.whole(choices, finishes)).encode()


async def _events(
    replies: Sequence[AsyncGenerator[ReplyPart]], completion: Completion
) -> AsyncGenerator[bytes]:
    """The replies, one after the other, as server-sent events, `[DONE]` last."""
    finishes, signs = [], Signs(FIRST_SIGN, SIGN_INTERVAL)
    for index, parts in enumerate(replies):
        choice = Choice()
        async with aclosing(_parts(parts)) as known:
            async for part in known:
                if isinstance(part, Waiting):
                    if signs.is_due():
                        yield _comment(part)
                elif isinstance(part, Finish):
                    finishes.append(part)
                    last = _event(completion.chunk(index, choice.last_delta(), part.reason))
                else:
                    logprobs = part.logprobs if isinstance(part, TextChunk) else ()
                    yield _event(completion.chunk(index, choice.delta(part), logprobs=logprobs))
        is_end = index == len(replies) - 1
        yield last + _ending(completion, finishes) if is_end else last


async def _parts(parts: AsyncGenerator[ReplyPart]) -> AsyncGenerator[ReplyPart]:
    """`parts` up to their `Finish`. Raises `EngineCrashed` where there is none."""
    async with aclosing(parts):
        async for part in parts:
            yield part
            if isinstance(part, Finish):
                return
    raise EngineCrashed("The language engine ended without finishing its reply.", engine="llm")


def _ending(completion: Completion, finishes: Sequence[Finish]) -> bytes:
    usage = _event(completion.usage_chunk(finishes)) if completion.has_usage else b""
    return usage + b"data: [DONE]\n\n"


def _comment(sign: Waiting) -> bytes:
    """What clients pass over, and those that give up on silence hear."""
    return (
        f": read {sign.read} of {sign.prompt_tokens} tokens\n\n".encode() if sign.read else b": waiting\n\n"
    )


class Signs:
    """Which of an engine's signs of life are passed on: one after `first` seconds, one in each `every`."""

    def __init__(self, first: float, every: float) -> None:
        self._next = time.monotonic() + first
        self._every = every

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._every
        return True


def _event(event: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def create_app(options: ServiceOptions, responder: Responder | None = None) -> Starlette:
    """The service with the engine that `options.model` asks for, or with another one."""
    return starlette_app(options, _service(options) if responder is None else ChatService(responder))


def _service(options: ServiceOptions) -> ChatService:
    if options.model is not None and options.model.entry.engine == "llama.cpp":
        from sottovoce.services.llama.loading import make_responder  # late: rules need none of it

        health = Health()
        settings = load_handed_down() if options.is_child else load()
        llama = make_responder(options.model, settings.llm, health)
        return ChatService(llama, LLAMA, llama.facts, health)
    return ChatService(RulesResponder())


def starlette_app(options: ServiceOptions, service: ChatService) -> Starlette:
    return Starlette(
        routes=service.routes(),
        middleware=[Middleware(RequireKey, key=options.key)],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=service.lifespan,
    )
