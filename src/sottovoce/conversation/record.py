"""The conversation's history, kept where AgentSession and the model read it, under the ids clients know."""

from __future__ import annotations

import time

from livekit.agents import Agent, llm
from livekit.agents.voice.generation import INSTRUCTIONS_MESSAGE_ID

from sottovoce.conversation.history import FIRST, HistoryItem
from sottovoce.conversation.prompt import characters, chat_item
from sottovoce.conversation.reply import Reply

MAX_ITEMS = 1_000
"""The oldest items are forgotten past it: a session may last all day."""
MAX_CHARACTERS = 1_000_000
"""Of all items together; a client may add long ones. No model reads more."""


class Record:
    """Each change is whole before anything else runs: changes happen in the order they are awaited."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._more: dict[str, list[str]] = {}
        """The further messages of a reply that took several, by the reply's item."""
        self._turn_id: str | None = None

    def name_turn(self, item_id: str) -> None:
        """The user's next turn that AgentSession adds is `item_id`."""
        self._turn_id = item_id

    def added(self, message: llm.ChatMessage, reply: Reply | None) -> None:
        """AgentSession added `message` of its own accord: `reply`'s words, or the user's turn."""
        if message.role == "user" and self._turn_id is not None:
            message.id, self._turn_id = self._turn_id, None
        elif message.role == "assistant" and reply is not None and not reply.is_deleted:
            if reply.item_id not in reply.renamed.values():
                reply.renamed[message.id] = message.id = reply.item_id
            else:
                self._more.setdefault(reply.item_id, []).append(message.id)

    def __contains__(self, item_id: str) -> bool:
        return self._agent.chat_ctx.index_by_id(item_id) is not None

    async def add(self, item: HistoryItem, after: str | None = None, group: str | None = None) -> None:
        """At the end, or after `after`; an unknown one counts as the end. A call made with the words of
        another item names it as its `group`."""
        items = list(self._agent.chat_ctx.items)
        at = self._place(items, after)
        before = items[at - 1].created_at if at else 0.0
        chat = chat_item(item, max(time.time(), before) if at == len(items) else before)
        if isinstance(chat, llm.FunctionCall):
            chat.group_id = group
        await self._replace([*items[:at], chat, *items[at:]])

    async def delete(self, item_id: str) -> None:
        """Unknown ids are ignored."""
        doomed = {item_id, *self._more.pop(item_id, ())} - {INSTRUCTIONS_MESSAGE_ID}
        await self._replace([item for item in self._agent.chat_ctx.items if item.id not in doomed])

    async def rewrite(self, item_id: str, text: str) -> None:
        """Let the message `item_id` say `text`; of a reply in several messages, the start of it."""
        ids = [item_id, *self._more.get(item_id, ())]
        items: list[llm.ChatItem] = []
        for item in self._agent.chat_ctx.items:
            if isinstance(item, llm.ChatMessage) and item.id in ids:
                share = text if item.id == ids[-1] else text[: len(item.text_content or "")]
                text = text[len(share) :].lstrip()
                item = item.model_copy(update={"content": [share]})
            items.append(item)
        await self._replace(items)

    async def retract(self, reply: Reply) -> None:
        """Take the words of a reply out that was deleted while it was given."""
        own = {item.id for item in reply.handle.chat_items}
        await self._replace([item for item in self._agent.chat_ctx.items if item.id not in own])

    async def trim(self) -> None:
        """Forget the oldest of what AgentSession added, where it is too much."""
        items = self._agent.chat_ctx.items
        if len(items) > MAX_ITEMS or sum(characters(item) for item in items) > MAX_CHARACTERS:
            await self._replace(list(items))

    def _place(self, items: list[llm.ChatItem], after: str | None) -> int:
        if after == FIRST:
            return 1 if items and items[0].id == INSTRUCTIONS_MESSAGE_ID else 0
        ids = {after, *self._more.get(after or "", ())}
        found = [index for index, item in enumerate(items) if item.id in ids]
        return found[-1] + 1 if after is not None and found else len(items)

    async def _replace(self, items: list[llm.ChatItem]) -> None:
        context = llm.ChatContext(_bounded(items))
        await self._agent.update_chat_ctx(context, exclude_invalid_function_calls=False)


def _bounded(items: list[llm.ChatItem]) -> list[llm.ChatItem]:
    """The newest of `items` that the limits allow, and the instructions."""
    kept: list[llm.ChatItem] = []
    size = 0
    for item in reversed(items):
        if isinstance(item, llm.AgentConfigUpdate | llm.AgentHandoff):
            continue  # livekit's notes to itself
        size += characters(item)
        if item.id == INSTRUCTIONS_MESSAGE_ID or (len(kept) < MAX_ITEMS and size <= MAX_CHARACTERS):
            kept.append(item)
    return kept[::-1]
