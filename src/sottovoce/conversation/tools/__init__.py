"""The function tools of a session: the same for the dialogue engine and for any real model.

Each result is one or two sentences that can be said as they are; a `ToolError` carries one too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sottovoce.conversation.tools.calendar import calendar_tools
from sottovoce.conversation.tools.context import SessionTool, ToolContext
from sottovoce.conversation.tools.memory import memory_tools
from sottovoce.conversation.tools.reckoning import reckoning_tools
from sottovoce.conversation.tools.reminding import reminding_tools
from sottovoce.conversation.tools.timers import Timers
from sottovoce.skills import units
from sottovoce.skills.facts import Facts

__all__ = ["MakeToolbox", "SessionTool", "ToolContext", "Toolbox", "Tools", "default_toolbox", "warm_up"]


def warm_up() -> None:
    """Load the table of units, half a second that the first conversion would wait for; blocks."""
    units.convert(1, "mile", "kilometer")


class Toolbox:
    """One session's tools with their state: `tools` for the session, `aclose()` when it ends.

    Must be used on one event loop. Nothing is announced after `aclose()`.
    """

    def __init__(self, context: ToolContext) -> None:
        self.timers = Timers(context.announce, context.monotonic, context.sleep)
        self.facts = Facts()
        self.tools: list[SessionTool] = [
            *calendar_tools(context),
            *reckoning_tools(context),
            *reminding_tools(context, self.timers),
            *memory_tools(self.facts),
        ]

    async def aclose(self) -> None:
        """Cancel the pending timers."""
        await self.timers.aclose()


class Tools(Protocol):
    """What a session needs of a toolbox."""

    tools: list[SessionTool]

    async def aclose(self) -> None: ...


MakeToolbox = Callable[[Callable[[str], None]], Tools]


def default_toolbox(announce: Callable[[str], None]) -> Tools:
    """The house's tools on the real clock."""
    return Toolbox(ToolContext(announce))
