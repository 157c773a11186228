"""The assistant's side of the pipeline: model and voice with their deadlines, failing softly.

livekit's own fallbacks do not notice a stream that hangs, and a session closes after a few engine
errors. So each node here watches its first output, tells the listener what failed, and ends its stream
in good order: with a sentence where the voice still works, with nothing where it does not.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from functools import partial
from typing import Literal, Protocol, TypeAlias

from livekit import rtc
from livekit.agents import Agent, APIError, ModelSettings, StopResponse, llm
from livekit.agents.types import NOT_GIVEN, FlushSentinel, NotGivenOr
from livekit.agents.voice.generation import INSTRUCTIONS_MESSAGE_ID

from sottovoce.audio.playout import PLAYOUT_RATE_HZ
from sottovoce.config import EngineKind
from sottovoce.conversation.adapters.llm import ServiceLLM
from sottovoce.conversation.adapters.tts import ServiceTTS
from sottovoce.conversation.asking import Question, ask
from sottovoce.conversation.clauses import clauses
from sottovoce.conversation.generation import Generation
from sottovoce.conversation.prompt import chat_item
from sottovoce.conversation.reply import Reply
from sottovoce.errors import EngineError

SILENCE_ON_FAILURE = 0.1
"""Seconds of silence a failed voice leaves, so that the reply's text still takes its course."""

TurnFate: TypeAlias = Literal["answer", "keep", "drop"]
"""Whether the user's turn gets a reply, only enters the history, or was taken care of already."""


class AssistantListener(Protocol):
    def current(self) -> Reply | None:
        """The reply that the running task works for."""

    def generation_started(self, reply: Reply) -> Generation:
        """The model is asked for `reply`; its stamps and usage go into the returned record."""

    def generated(self, reply: Reply, text: str) -> None:
        """More text of the reply that is being given, whether or not it will be heard."""

    def engine_failed(
        self, engine: EngineKind, error: Exception, *, is_spoken: bool, reply: Reply | None = None
    ) -> None: ...

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
        on_turn: Callable[[llm.ChatMessage], TurnFate],
    ) -> None:
        """`on_turn` is told when the user's turn is over, may change the message, and decides what becomes of
        it."""
        super().__init__(instructions=instructions, tools=tools, chat_ctx=chat_ctx)
        self._listener = listener
        self._on_turn = on_turn

    async def on_user_turn_completed(self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage) -> None:
        fate = self._on_turn(new_message)
        if fate == "keep":
            context = self.chat_ctx.copy()
            context.insert(new_message)
            await self.update_chat_ctx(context, exclude_invalid_function_calls=False)
        if fate != "answer":
            raise StopResponse

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        reply, model = self._listener.current(), self.session.llm
        assert reply is not None
        assert isinstance(model, ServiceLLM)
        question = self._question(reply, chat_ctx, tools, model_settings.tool_choice)
        generation = self._listener.generation_started(reply)
        try:
            async with aclosing(model.answer(question, partial(generation.use, "llm"))) as chunks:
                async for chunk in chunks:
                    yield generation.take(self._listener.now(), chunk, reply.plan)
        except (APIError, TimeoutError) as error:
            generation.calls.clear()
            is_spoken = reply.plan.modality == "audio"
            self._listener.engine_failed("llm", error, is_spoken=is_spoken, reply=reply)
            yield EngineError.spoken_hint

    def _question(
        self,
        reply: Reply,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        choice: NotGivenOr[llm.ToolChoice],
    ) -> Question:
        is_first = reply.handle.num_steps == 1
        return ask(
            self._items(reply, chat_ctx),
            reply.plan,
            tools,
            spent=reply.usage.output_tokens,
            follows_tool=None if is_first else choice or NOT_GIVEN,
        )

    def _items(self, reply: Reply, chat_ctx: llm.ChatContext) -> list[llm.ChatItem]:
        """What the reply reads: the conversation, or the history it was given and its own steps so far."""
        if reply.plan.history is None:
            return list(chat_ctx.items)
        instructions = [item for item in chat_ctx.items if item.id == INSTRUCTIONS_MESSAGE_ID]
        given = [chat_item(item, 0.0) for item in reply.plan.history]
        return [*instructions, *given, *reply.steps]

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        reply, voice = self._listener.current(), self.session.tts
        assert reply is not None
        assert isinstance(voice, ServiceTTS)
        try:
            async with aclosing(_clauses(text)) as pieces:
                async for piece in pieces:
                    plan, generation, lead = reply.plan, reply.generation, 0.0
                    if generation is not None:
                        generation.clause(self._listener.now())
                        lead = generation.lead(self._listener.now())
                    async with voice.say(piece, plan.voice, plan.speed, reply.use_voice, lead) as stream:
                        async for audio in stream:
                            if generation is not None:
                                generation.audio(self._listener.now(), audio.frame.duration)
                            yield audio.frame
        except APIError as error:
            self._listener.engine_failed("tts", error, is_spoken=False, reply=reply)
            yield _silence()

    async def transcription_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[str, None]:
        reply = self._listener.current()
        assert reply is not None
        async for chunk in text:
            self._listener.generated(reply, chunk)
            yield chunk


async def _clauses(text: AsyncIterable[str]) -> AsyncGenerator[str, None]:
    async for piece in clauses(text):
        yield piece


def _silence() -> rtc.AudioFrame:
    samples = int(SILENCE_ON_FAILURE * PLAYOUT_RATE_HZ)
    return rtc.AudioFrame(bytes(2 * samples), PLAYOUT_RATE_HZ, 1, samples)
