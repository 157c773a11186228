"""The assistant's side of the pipeline: model and voice with their deadlines, failing softly.

livekit's own fallbacks do not notice a stream that hangs, and a session closes after a few engine
errors. So each node here watches its first output, tells the listener what failed, and ends its stream
in good order: with a sentence where the voice still works, with nothing where it does not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing
from typing import Protocol, TypeVar

from livekit import rtc
from livekit.agents import Agent, APIError, ModelSettings, StopResponse, llm
from livekit.agents.types import FlushSentinel

from sottovoce.audio.playout import PLAYOUT_RATE_HZ
from sottovoce.config import EngineKind
from sottovoce.conversation.adapters import llm as llm_adapter
from sottovoce.conversation.adapters.tts import ServiceTTS
from sottovoce.conversation.clauses import clauses
from sottovoce.conversation.reply import Generation
from sottovoce.errors import EngineError

logger = logging.getLogger(__name__)

SILENCE_ON_FAILURE = 0.1
"""Seconds of silence a failed voice leaves, so that the reply's text still takes its course."""

T = TypeVar("T")


class AssistantListener(Protocol):
    def generation_started(self) -> Generation:
        """The model is asked; its stamps and usage go into the returned record."""

    def current_generation(self) -> Generation | None: ...

    def generated(self, text: str) -> None:
        """More text of the reply that is being spoken, whether or not it will be heard."""

    def engine_failed(self, engine: EngineKind, error: Exception, *, is_spoken: bool) -> None: ...

    def now(self) -> float: ...


class Assistant(Agent):
    """livekit's `Agent` with our engines' manners."""

    def __init__(
        self,
        *,
        instructions: str,
        tools: list[llm.Tool | llm.Toolset],
        chat_ctx: llm.ChatContext,
        listener: AssistantListener,
        on_turn: Callable[[llm.ChatMessage], bool],
    ) -> None:
        """`on_turn` is told when the user's turn is committed; its False forbids a reply."""
        super().__init__(instructions=instructions, tools=tools, chat_ctx=chat_ctx)
        self._listener = listener
        self._on_turn = on_turn

    async def on_user_turn_completed(self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage) -> None:
        if not self._on_turn(new_message):
            context = self.chat_ctx.copy()
            context.insert(new_message)
            await self.update_chat_ctx(context)
            raise StopResponse

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        generation = self._listener.generation_started()
        source = Agent.default.llm_node(self, chat_ctx, tools, model_settings)
        try:
            async with aclosing(_watched(source, llm_adapter.FIRST_TOKEN_DEADLINE)) as chunks:
                async for chunk in chunks:
                    generation.token(self._listener.now(), chunk)
                    yield chunk
        except (APIError, TimeoutError) as error:
            self._listener.engine_failed("llm", error, is_spoken=True)
            yield EngineError.spoken_hint

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        voice = self.session.tts
        assert isinstance(voice, ServiceTTS)
        generation = self._listener.current_generation()
        try:
            async with aclosing(_clauses(text)) as pieces:
                async for piece in pieces:
                    if generation is not None:
                        generation.clause(self._listener.now())
                    async with voice.synthesize(piece) as stream:
                        async for audio in stream:
                            if generation is not None:
                                generation.audio(self._listener.now())
                            yield audio.frame
        except APIError as error:
            self._listener.engine_failed("tts", error, is_spoken=False)
            yield _silence()

    async def transcription_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[str, None]:
        async for chunk in text:
            self._listener.generated(chunk)
            yield chunk


async def _clauses(text: AsyncIterable[str]) -> AsyncGenerator[str, None]:
    async for piece in clauses(text):
        yield piece


async def _watched(source: AsyncGenerator[T, None], first: float) -> AsyncGenerator[T, None]:
    """`source`, with `TimeoutError` when its first item takes longer than `first` seconds."""
    async with aclosing(source):
        iterator: AsyncIterator[T] = aiter(source)
        try:
            async with asyncio.timeout(first):
                item = await anext(iterator)
        except StopAsyncIteration:
            return
        yield item
        async for item in iterator:
            yield item


def _silence() -> rtc.AudioFrame:
    samples = int(SILENCE_ON_FAILURE * PLAYOUT_RATE_HZ)
    return rtc.AudioFrame(bytes(2 * samples), PLAYOUT_RATE_HZ, 1, samples)
