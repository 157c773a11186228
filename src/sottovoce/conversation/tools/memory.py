"""Tools that remember what the user tells, for as long as the session lives."""

from __future__ import annotations

from livekit.agents.llm import ToolError, function_tool

from sottovoce.conversation.tools.context import SessionTool
from sottovoce.skills.facts import Facts, FactsError


def memory_tools(facts: Facts) -> list[SessionTool]:
    """`remember`, `recall`, `forget`."""

    @function_tool
    async def remember(fact: str) -> str:
        """Remember something the user tells you, for this conversation.

        Args:
            fact: The fact in the user's words, such as "my keys are in the drawer".
        """
        try:
            return facts.remember(fact)
        except FactsError as error:
            raise ToolError(str(error)) from None

    @function_tool
    async def recall(about: str | None = None) -> str:
        """Recall what the user told you earlier in this conversation.

        Args:
            about: What it is about, such as "my keys". Leave out for everything.
        """
        return facts.recall(about or "")

    @function_tool
    async def forget(about: str | None = None) -> str:
        """Forget what the user told you.

        Args:
            about: What to forget, such as "my name". Leave out for everything.
        """
        return facts.forget(about or "")

    return [remember, recall, forget]
