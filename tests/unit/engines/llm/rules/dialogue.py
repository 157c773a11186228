"""A client of the responder: keeps the messages, runs the session's tools, as a real one does."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sottovoce.engines.llm.base import Finish, ReplyRequest, TextChunk, ToolCall
from sottovoce.engines.llm.chat import Message, NamedTool, Tool, ToolChoice
from sottovoce.engines.llm.rules import RulesResponder

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 15, 45, tzinfo=ZONE)
"""A Sunday."""


def now(zone: tzinfo) -> datetime:
    return NOW.astimezone(zone)


def tool(name: str, parameters: dict[str, Any] | None = None, description: str = "") -> Tool:
    function = {"name": name, "description": description, "parameters": parameters}
    return Tool.model_validate({"type": "function", "function": function})


def named(name: str) -> NamedTool:
    return NamedTool.model_validate({"type": "function", "function": {"name": name}})


class Dialogue:
    """One conversation with the engine. `say` returns its text or its calls."""

    def __init__(self, tools: Sequence[Tool] = (), instructions: str = "You are helpful.") -> None:
        self.responder = RulesResponder(ZONE, now)
        self.tools = tuple(tools)
        self.messages: list[Message] = [Message(role="system", content=instructions)]
        self.finish: Finish | None = None
        self.chunks: list[str] = []
        self.seeds = random.Random(1)

    async def say(self, text: str, tool_choice: ToolChoice = "auto", **more: Any) -> str | list[ToolCall]:
        self.messages.append(Message(role="user", content=text))
        return await self.go_on(tool_choice, **more)

    async def go_on(self, tool_choice: ToolChoice = "auto", **more: Any) -> str | list[ToolCall]:
        """Ask for a reply to what stands there."""
        more.setdefault("seed", self.seeds.randint(0, 999))
        request = ReplyRequest(tuple(self.messages), self.tools, tool_choice, **more)
        parts = [part async for part in self.responder.respond(request)]
        assert isinstance(parts[-1], Finish)
        self.finish = parts[-1]
        self.chunks = [part.text for part in parts if isinstance(part, TextChunk)]
        calls = [part for part in parts if isinstance(part, ToolCall)]
        if calls:
            self._note_calls(calls)
            return calls
        self.messages.append(Message(role="assistant", content="".join(self.chunks)))
        return "".join(self.chunks)

    def _note_calls(self, calls: Sequence[ToolCall]) -> None:
        made = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
        self.messages.append(
            Message.model_validate({"role": "assistant", "content": None, "tool_calls": made})
        )

    async def answer(self, calls: Sequence[ToolCall], *results: str) -> str | list[ToolCall]:
        """Give the results of calls and ask for words."""
        for call, result in zip(calls, results, strict=True):
            self.messages.append(Message(role="tool", tool_call_id=call.id, content=result))
        return await self.go_on()


def called(reply: str | list[ToolCall]) -> tuple[str, dict[str, Any]]:
    """Name and arguments of the one call that `reply` is."""
    assert isinstance(reply, list), reply
    assert len(reply) == 1
    return reply[0].name, json.loads(reply[0].arguments)
