"""Replies beside the conversation: straight from the language model, without a trace in the history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from livekit.agents import APIError, llm

from sottovoce.config import EngineKind
from sottovoce.conversation.adapters.llm import ServiceLLM
from sottovoce.conversation.asking import ask
from sottovoce.conversation.engines import Uses, in_words, together
from sottovoce.conversation.events import (
    FunctionCalled,
    ReplyFinished,
    ReplyReason,
    ReplyServed,
    ReplyStarted,
    ReplyStatus,
    ReplyText,
    SessionEvent,
    Usage,
)
from sottovoce.conversation.failures import describe
from sottovoce.conversation.generation import Generation, is_cut, whole_calls
from sottovoce.conversation.plan import Plan
from sottovoce.conversation.turn import Clock
from sottovoce.errors import LimitExceededError
from sottovoce.ids import random_id

logger = logging.getLogger(__name__)

MAX_ASIDES = 4
"""Replies beside the conversation at a time: each asks the one language model."""
MAX_STEPS = 4
"""Questions to the model for one reply: three rounds of the server's tools, and the answer."""

ToolListener = Callable[[llm.FunctionCall, llm.FunctionCallOutput], None]


@dataclass(eq=False)
class Aside:
    """One such reply. `items` is the history that it reads, its own steps included once they are made."""

    response_id: str
    plan: Plan
    items: list[llm.ChatItem]
    own_tools: Sequence[llm.Tool]
    model: ServiceLLM
    now: Clock
    on_tool: ToolListener
    generations: list[Generation] = field(default_factory=list)

    @property
    def usage(self) -> Usage:
        spent = [generation.usage for generation in self.generations]
        return Usage(sum(one.input_tokens for one in spent), sum(one.output_tokens for one in spent))

    @property
    def uses(self) -> Uses:
        """The engines that it went through."""
        return together(*(generation.used for generation in self.generations))

    async def words(self) -> AsyncGenerator[str, None]:
        """The text as it comes; the server's tools run on the way. Raises `APIError`, `TimeoutError`."""
        for step in range(MAX_STEPS):
            calls: list[llm.FunctionToolCall] = []
            async with aclosing(self._step(step, calls)) as words:
                async for word in words:
                    yield word
            for call in calls:
                await self._run(call)
            if not calls or self.generations[-1].calls or is_cut(self.plan, self.usage):
                return

    async def _step(self, step: int, calls: list[llm.FunctionToolCall]) -> AsyncGenerator[str, None]:
        """The words of one answer; the calls in it that are ours to run are added to `calls`."""
        follows: llm.ToolChoice | None = None if step == 0 else "none" if step == MAX_STEPS - 1 else "auto"
        question = ask(
            self.items, self.plan, self.own_tools, spent=self.usage.output_tokens, follows_tool=follows
        )
        generation = Generation(self.now())
        self.generations.append(generation)
        async with aclosing(self.model.answer(question, partial(generation.use, "llm"))) as chunks:
            async for chunk in chunks:
                delta = generation.take(self.now(), chunk, self.plan).delta
                if delta is not None:
                    calls += delta.tool_calls
                    if delta.content:
                        yield delta.content

    async def _run(self, call: llm.FunctionToolCall) -> None:
        tools = llm.ToolContext(list(self.own_tools))
        result = await llm.execute_function_call(call, tools)
        if result.fnc_call_out is not None:
            self.items += [result.fnc_call, result.fnc_call_out]
            self.on_tool(result.fnc_call, result.fnc_call_out)


@dataclass(eq=False)
class _Writing:
    """A written reply as far as it got."""

    aside: Aside
    item_id: str = field(default_factory=lambda: random_id("item"))
    said: str = ""
    status: ReplyStatus = "cancelled"
    error: str | None = None

    def finished(self) -> ReplyFinished:
        reasons: dict[ReplyStatus, ReplyReason] = {
            "cancelled": "client_cancelled",
            "incomplete": "max_output_tokens",
        }
        return ReplyFinished(
            self.aside.response_id,
            self.item_id,
            self.status,
            reason=reasons.get(self.status),
            heard=self.said,
            usage=self.aside.usage,
            error=self.error,
        )


class Asides:
    """Those that are written; they run beside everything else."""

    def __init__(
        self, emit: Callable[[SessionEvent], None], on_failure: Callable[[EngineKind, Exception], None]
    ) -> None:
        self._emit = emit
        self._on_failure = on_failure
        self._promised: set[str] = set()
        """All that are not over; those among them that are not even begun are `_waiting`."""
        self._waiting: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def promise(self, response_id: str) -> None:
        """Keep a place for it. Raises `LimitExceededError` when there are `MAX_ASIDES`."""
        if len(self._promised) >= MAX_ASIDES:
            raise LimitExceededError(
                f"There are {MAX_ASIDES} replies beside the conversation; wait for the end of one."
            )
        self._promised.add(response_id)
        self._waiting.add(response_id)

    def take(self, response_id: str) -> bool:
        """It may begin; False where it was given up meanwhile."""
        is_waiting = response_id in self._waiting
        self._waiting.discard(response_id)
        return is_waiting

    def give_up(self, response_id: str) -> bool:
        """It will not be given; False where it has begun, or was never promised."""
        is_waiting = self.take(response_id)
        if is_waiting:
            self.over(response_id)
        return is_waiting

    def over(self, response_id: str) -> None:
        """There is room for another one."""
        self._promised.discard(response_id)

    def begin(self, aside: Aside) -> None:
        writing = _Writing(aside)
        self._emit(ReplyStarted(aside.response_id, writing.item_id, "text"))
        task = asyncio.create_task(self._write(writing), name="aside")
        self._tasks[aside.response_id] = task
        task.add_done_callback(lambda task: self._end(writing, task))

    def cancel(self, response_id: str) -> bool:
        """Stop it; False where none of that id is being written."""
        task = self._tasks.get(response_id)
        return task is not None and task.cancel()

    async def aclose(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, writing: _Writing) -> None:
        aside = writing.aside
        try:
            async with aclosing(aside.words()) as words:
                async for word in words:
                    writing.said += word
                    self._emit(ReplyText(aside.response_id, writing.item_id, word))
        except (APIError, TimeoutError) as failure:
            writing.status, writing.error = "failed", describe("llm", failure)
            self._on_failure("llm", failure)
        else:
            writing.status = "incomplete" if is_cut(aside.plan, aside.usage) else "completed"
            for call in whole_calls(aside.generations):
                item_id = random_id("item")
                self._emit(
                    FunctionCalled(aside.response_id, item_id, call.call_id, call.name, call.arguments)
                )

    def _end(self, writing: _Writing, task: asyncio.Task[None]) -> None:
        """However it ended, even before it began: its end is told, once."""
        if not task.cancelled() and (bug := task.exception()) is not None:
            logger.error("a reply beside the conversation failed", exc_info=bug)
            writing.status, writing.error = "failed", "The reply failed."
        del self._tasks[writing.aside.response_id]
        self.over(writing.aside.response_id)
        uses = writing.aside.uses
        logger.info("a reply beside the conversation is %s; %s", writing.status, in_words(uses))
        if uses:
            self._emit(ReplyServed(writing.aside.response_id, writing.item_id, uses))
        self._emit(writing.finished())
