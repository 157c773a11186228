"""Replies on request: promised at once, begun when what was asked before is done, stopped by their id."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from livekit.agents import APIError, llm
from livekit.agents.voice import SpeechHandle
from livekit.agents.voice.generation import INSTRUCTIONS_MESSAGE_ID

from sottovoce.conversation.actions import Actions
from sottovoce.conversation.adapters.llm import ServiceLLM
from sottovoce.conversation.agent_session import Conversing
from sottovoce.conversation.aside import Aside, Asides
from sottovoce.conversation.asking import Question, ask, check_choice
from sottovoce.conversation.assistant import Assistant
from sottovoce.conversation.events import ReplyReason
from sottovoce.conversation.history import HistoryItem, SpokenMessage
from sottovoce.conversation.plan import Plan
from sottovoce.conversation.prompt import chat_item
from sottovoce.conversation.recordings import check_recording
from sottovoce.conversation.replies import Replies
from sottovoce.conversation.reply import BRIEF, Brief
from sottovoce.errors import EngineError, InvalidRequestError

Listen = Callable[[HistoryItem], Awaitable[HistoryItem]]
"""Turns a recording into a message; anything else stays what it is."""


class Answering:
    def __init__(
        self,
        session: Conversing,
        assistant: Assistant,
        replies: Replies,
        asides: Asides,
        actions: Actions,
        *,
        own_tools: Sequence[llm.Tool],
        listen: Listen,
    ) -> None:
        self._session = session
        self._assistant = assistant
        self._replies = replies
        self._asides = asides
        self._actions = actions
        self._own_tools = own_tools
        self._listen = listen
        self._promised: tuple[str, Plan] | None = None
        """The conversation's reply that was asked for and is not begun."""

    def next_question(self) -> Question:
        """What the model would be asked now, by the session's options."""
        return ask(list(self._assistant.chat_ctx.items), self._replies.speeches.plan(), self._own_tools)

    @property
    def is_busy(self) -> bool:
        return self._promised is not None or self._replies.speeches.active() is not None

    def respond(self, plan: Plan, response_id: str) -> None:
        """Raises `InvalidRequestError` for a second reply in the conversation, a choice of no tool or too
        long a recording, and `LimitExceededError` for too many replies beside the conversation."""
        check_choice(plan.tool_choice, plan.tools, self._own_tools)
        for item in plan.history or ():
            if isinstance(item, SpokenMessage):
                check_recording(item)
        if plan.is_in_conversation:
            self._check_free()
            self._actions.put(partial(self._reply, plan, response_id))
            self._promised = response_id, plan
        else:
            self._asides.promise(response_id)
            self._actions.put(partial(self._answer_aside, plan, response_id))

    def _check_free(self) -> None:
        if self.is_busy:
            raise InvalidRequestError(
                "The assistant is already replying; cancel that reply or wait for its end.",
                code="conversation_already_has_active_response",
            )

    def interrupt(self, reason: ReplyReason, response_id: str | None) -> bool:
        if self._promised is not None and response_id in (None, self._promised[0]):
            (promised_id, plan), self._promised = self._promised, None
            self._replies.refused(promised_id, plan)
            return True
        reply = (
            self._replies.speeches.active()
            if response_id is None
            else self._replies.speeches.find(response_id)
        )
        if reply is not None:
            self._replies.interrupt(reply, reason)
            return True
        return response_id is not None and self._cancel_aside(response_id)

    def _cancel_aside(self, response_id: str) -> bool:
        if self._asides.cancel(response_id):
            return True
        was_waiting = self._asides.give_up(response_id)
        if was_waiting:
            self._replies.refused(response_id, Plan("text", "", 1.0, is_in_conversation=False))
        return was_waiting

    async def _reply(self, plan: Plan, response_id: str) -> None:
        heard, error = await self._with_words(plan)
        if self._promised is None or self._promised[0] != response_id:
            return  # cancelled
        self._promised = None
        if heard is None:
            self._replies.refused(response_id, plan, error)
        else:
            self._begin(Brief(heard, response_id), self._session.generate_reply)

    def _begin(self, brief: Brief, begin: Callable[[], SpeechHandle]) -> SpeechHandle | None:
        """AgentSession begins a reply as the brief says; None, and its failure is told, where it does not."""
        token = BRIEF.set(brief)
        try:
            return begin()
        except RuntimeError as error:  # AgentSession is closing
            if brief.response_id is not None:
                self._replies.refused(brief.response_id, brief.plan, str(error))
            return None
        finally:
            BRIEF.reset(token)

    async def _answer_aside(self, plan: Plan, response_id: str) -> None:
        heard, error = await self._with_words(plan)
        if not self._asides.take(response_id):
            return  # cancelled
        if heard is None:
            self._asides.over(response_id)
            self._replies.refused(response_id, plan, error)
        elif heard.modality == "text":
            self._asides.begin(self._aside(heard, response_id))
        else:
            self._say_aside(self._aside(heard, response_id))

    def _say_aside(self, aside: Aside) -> None:
        """Aloud it goes by AgentSession's voice, when nobody else has it."""
        response_id = aside.response_id
        brief = Brief(aside.plan, response_id, aside.generations)
        say = partial(self._session.say, self._spoken(aside), add_to_chat_ctx=False)
        handle = self._begin(brief, say)
        if handle is None:
            self._asides.over(response_id)
        else:
            handle.add_done_callback(lambda _: self._asides.over(response_id))

    def _aside(self, plan: Plan, response_id: str) -> Aside:
        model = self._session.llm
        assert isinstance(model, ServiceLLM)
        items = list(self._assistant.chat_ctx.items)
        if plan.history is not None:
            instructions = items[:1] if items and items[0].id == INSTRUCTIONS_MESSAGE_ID else []
            items = [*instructions, *(chat_item(item, 0.0) for item in plan.history)]
        own, now = self._own_tools, self._replies.now
        return Aside(response_id, plan, items, own, model, now, self._replies.tool_ran)

    async def _spoken(self, aside: Aside) -> AsyncGenerator[str, None]:
        """The words of `aside` for the voice, with a sentence in their place where the model fails."""
        try:
            async with aclosing(aside.words()) as words:
                async for word in words:
                    yield word
        except (APIError, TimeoutError) as error:
            self._replies.engine_failed("llm", error, is_spoken=True)
            yield EngineError.spoken_hint

    async def _with_words(self, plan: Plan) -> tuple[Plan | None, str]:
        """`plan` with its recordings transcribed; None, and why, where that cannot be."""
        if plan.history is None:
            return plan, ""
        try:
            heard = [await self._listen(item) for item in plan.history]
        except EngineError as error:
            return None, error.message
        return replace(plan, history=tuple(heard)), ""
