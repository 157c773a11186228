"""The language models of the chain, asked one after the other until one begins to answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import httpx
from livekit.agents import APIError, APIStatusError, APITimeoutError, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr

from sottovoce.config import EngineEndpoint
from sottovoce.conversation.adapters.clients import EngineClients, Line
from sottovoce.conversation.adapters.patience import Patience
from sottovoce.conversation.adapters.progress import NOTICE
from sottovoce.conversation.asking import Question
from sottovoce.conversation.engines import Used
from sottovoce.conversation.failover import Choice
from sottovoce.conversation.failures import describe, is_ours, is_overflow
from sottovoce.conversation.window import Window

logger = logging.getLogger(__name__)

FIRST_TOKEN_DEADLINE = 10.0
"""Seconds to the first token, where the engine has no deadline of its own; a cold prompt on a small machine
is the slow case this allows."""
STALL_DEADLINE = 10.0
"""Seconds between two tokens."""
PREWARM_LIMIT = 120.0
"""Seconds for a model to read the beginning of a prompt ahead of time."""
RETRY_INTERVAL = 0.1
"""Seconds after which the only engine there is is asked once more, if it refused or broke off at once."""


class ServiceLLM(llm.LLM[str]):
    """One for a conversation: it remembers what of the history each model was shown."""

    def __init__(self, clients: EngineClients) -> None:
        super().__init__()
        self.clients = clients
        self.on_question: Callable[[], None] = lambda: None
        """Told when somebody wants to know something: what is only read ahead has to make way."""
        self._windows: dict[EngineEndpoint, Window] = {}

    @property
    def model(self) -> str:
        return self.clients.failover.first("llm").model

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        raise NotImplementedError("a reply has a question; use answer()")

    async def answer(
        self, question: Question, told: Callable[[Used], None] = lambda used: None
    ) -> AsyncGenerator[llm.ChatChunk, None]:
        """The answer as it comes; `told` hears whose it is before its first word.

        Who fails before that is followed by the next of the chain; afterwards the answer breaks off, for
        nothing is said twice. Raises `APIError`, or `TimeoutError` when nothing comes in time.
        """
        self.on_question()
        for choice in self.clients.failover.choices("llm"):
            has_begun = False
            try:
                async with aclosing(self._asked(choice, question)) as chunks:
                    async for chunk in chunks:
                        if not has_begun:
                            has_begun = True
                            told(choice.used)
                        yield chunk
                return
            except (APIError, TimeoutError) as error:
                if not is_ours(error):
                    choice.failed(describe("llm", error), is_late=not has_begun and _is_late(error))
                is_for_all = is_ours(error) and not is_overflow(error)  # others have more room
                if has_begun or choice.is_last or is_for_all:
                    raise
                logger.warning("%s gave no answer, the next model is asked", choice.endpoint.model)

    async def _asked(self, choice: Choice, question: Question) -> AsyncGenerator[llm.ChatChunk, None]:
        with self.clients.using(choice.endpoint) as line:
            line.learn()
            window = self._window(choice.endpoint, question)
            context = line.facts.context if line.facts else None
            shown = window.fit(question.items, question.beside, context) if context else None
            shown = window.shown(question.items) if shown is None else shown
            try:
                async with aclosing(_chunks(line, choice, question, shown, window)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except APIStatusError as error:
                is_cut = is_overflow(error) and window.overflowed(question.items, question.beside, context)
                if not is_cut:
                    raise
            logger.info("the history was too long for %s; it is asked with less", choice.endpoint.model)
            shown = window.shown(question.items)
            async with aclosing(_chunks(line, choice, question, shown, window)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def read_ahead(self, question: Callable[[], Question]) -> None:
        """Let the first model read what is behind `question`, if it says that it can do so ahead of time.

        Failures cost nobody anything: the first answer comes as late as it would have.
        """
        endpoint = self.clients.failover.first("llm")
        with self.clients.using(endpoint) as line:
            line.language_model  # noqa: B018  made here, it is there when the first reply wants it
            if (learning := line.learn()) is not None:
                await asyncio.wait([learning])
            if line.facts is None or not line.facts.prewarm:
                return
            try:
                reply = await line.http.post(
                    f"{endpoint.url}/chat/prewarm",
                    headers=endpoint.headers,
                    json={"model": endpoint.model, **self._beginning(endpoint, question())},
                    timeout=httpx.Timeout(PREWARM_LIMIT, connect=STALL_DEADLINE),
                )
                logger.info("%s has read the beginning: status %s", endpoint.model, reply.status_code)
            except httpx.HTTPError as error:
                logger.info("%s has not read the beginning: %s", endpoint.model, type(error).__name__)

    def _beginning(self, endpoint: EngineEndpoint, question: Question) -> dict[str, Any]:
        """The messages and tools of a request, as they will be sent."""
        shown = self._window(endpoint, question).shown(question.items)
        messages, _ = question.beginning(shown).to_provider_format(format="openai")
        tools = llm.ToolContext(question.tools).parse_function_tools("openai", strict=False)
        return {"messages": messages, **({"tools": tools} if tools else {})}

    def _window(self, endpoint: EngineEndpoint, question: Question) -> Window:
        """The conversation's at that model; another history has one of its own, for once."""
        if not question.is_of_conversation:
            return Window()
        there = self.clients.failover.chain("llm")
        self._windows = {known: window for known, window in self._windows.items() if known in there}
        return self._windows.setdefault(endpoint, Window())


async def _chunks(
    line: Line, choice: Choice, question: Question, shown: list[llm.ChatItem], window: Window
) -> AsyncGenerator[llm.ChatChunk, None]:
    """One answer of one engine; its first chunk tells that the engine works."""
    patience = Patience(choice.deadline(FIRST_TOKEN_DEADLINE))
    has_begun, is_counted = False, line.facts is not None and line.facts.context is not None
    async with aclosing(patience.watch(_stream(line, choice, question, shown, patience))) as chunks:
        async for chunk in chunks:
            if not has_begun:
                has_begun = True
                choice.succeeded(0.0 if patience.has_noticed else patience.waited)
            if chunk.usage is not None and is_counted:
                window.counted(shown, question.beside, chunk.usage.prompt_tokens)
            yield chunk


async def _stream(
    line: Line, choice: Choice, question: Question, shown: list[llm.ChatItem], patience: Patience
) -> AsyncGenerator[llm.ChatChunk, None]:
    limit: NotGivenOr[dict[str, Any]] = NOT_GIVEN
    if question.max_tokens is not None:
        limit = {"max_completion_tokens": question.max_tokens}
    token = NOTICE.set(patience.notice)
    try:  # the request is sent by a task that begins here, and inherits who is to notice its progress
        asking = line.language_model.chat(
            chat_ctx=question.context(shown),
            tools=question.tools,
            tool_choice=question.tool_choice,
            conn_options=_connect_options(choice),
            extra_kwargs=limit,
        )
    finally:
        NOTICE.reset(token)
    async with asking as stream:
        async for chunk in stream:
            yield chunk


def _connect_options(choice: Choice) -> APIConnectOptions:
    """The only engine there is gets a second chance, in case it just restarted."""
    longest = max(STALL_DEADLINE, choice.endpoint.deadline or FIRST_TOKEN_DEADLINE)
    return APIConnectOptions(
        max_retry=1 if choice.is_only else 0, retry_interval=RETRY_INTERVAL, timeout=longest
    )


def _is_late(error: Exception) -> bool:
    return isinstance(error, TimeoutError | APITimeoutError)
