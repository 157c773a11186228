"""What one reply is to be like: the session's options with the reply's own laid over them."""

from __future__ import annotations

from dataclasses import dataclass

from sottovoce.conversation.history import HistoryItem
from sottovoce.conversation.options import ClientTool, Modality, ReplyOptions, SessionOptions, ToolChoice


@dataclass(frozen=True, slots=True)
class Plan:
    """`instructions` None leaves the session's; `note` is told to the model behind the history, for this
    reply alone; `history` is read instead of the conversation's."""

    modality: Modality
    voice: str
    speed: float
    tools: tuple[ClientTool, ...] = ()
    tool_choice: ToolChoice = "auto"
    max_output_tokens: int | None = None
    instructions: str | None = None
    note: str = ""
    history: tuple[HistoryItem, ...] | None = None
    is_in_conversation: bool = True

    @property
    def client_names(self) -> frozenset[str]:
        """The functions that only the client can run."""
        return frozenset(tool.name for tool in self.tools)


def make_plan(session: SessionOptions, reply: ReplyOptions | None = None, note: str = "") -> Plan:
    own = reply or ReplyOptions()
    limit = own.max_output_tokens
    return Plan(
        modality=own.modality or session.modality,
        voice=own.voice or session.voice,
        speed=session.speed,
        tools=session.tools if own.tools is None else own.tools,
        tool_choice=session.tool_choice if own.tool_choice is None else own.tool_choice,
        max_output_tokens=session.max_output_tokens if limit is None else limit,
        instructions=own.instructions,
        note=note,
        history=own.history,
        is_in_conversation=own.is_in_conversation,
    )
