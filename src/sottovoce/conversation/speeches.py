"""Every reply that AgentSession works on, or may: found by what clients know of it."""

from __future__ import annotations

from contextlib import suppress

from livekit.agents import SpeechCreatedEvent
from livekit.agents.voice.agent_activity import _SpeechHandleContextVar

from sottovoce.conversation.reply import BRIEF, Brief, MakePlan, Reply
from sottovoce.ids import random_id


class Speeches:
    def __init__(self, plan: MakePlan) -> None:
        """`plan` makes the session's plan for a reply that nobody asked for."""
        self.plan = plan
        self._can_interrupt = True
        self._replies: list[Reply] = []
        """All that are not over, speculative ones too, in the order they were begun."""

    @property
    def can_interrupt(self) -> bool:
        """Whether the user's speech stops a reply."""
        return self._can_interrupt

    @can_interrupt.setter
    def can_interrupt(self, value: bool) -> None:
        self._can_interrupt = value
        for reply in self._replies:
            with suppress(RuntimeError):  # it is interrupted already
                reply.handle.allow_interruptions = value

    def created(self, event: SpeechCreatedEvent) -> Reply:
        """AgentSession begins a reply, as whoever asked for it wants it or as the session's options say."""
        handle, brief = event.speech_handle, BRIEF.get() or Brief(self.plan())
        handle.allow_interruptions = self._can_interrupt
        reply = Reply(
            handle, brief.plan, brief.response_id or random_id("resp"), brief.response_id is not None
        )
        if brief.generations is not None:
            reply.generations = brief.generations
        self._replies.append(reply)
        return reply

    def current(self) -> Reply | None:
        """The reply that the running task works for, None in a task of nobody's."""
        handle = _SpeechHandleContextVar.get(None)
        return next((reply for reply in self._replies if reply.handle is handle), None)

    def over(self, reply: Reply) -> None:
        if reply in self._replies:
            self._replies.remove(reply)

    def active(self) -> Reply | None:
        """The conversation's reply that is being given, or is next."""
        return next((reply for reply in self.live() if reply.plan.is_in_conversation), None)

    def find(self, response_id: str) -> Reply | None:
        return next((reply for reply in self.live() if reply.response_id == response_id), None)

    def find_item(self, item_id: str) -> Reply | None:
        return next((reply for reply in self.live() if reply.item_id == item_id), None)

    def live(self) -> list[Reply]:
        return [reply for reply in self._replies if reply.is_live]
