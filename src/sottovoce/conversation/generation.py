"""One run of model and voice: when what came, and what it wants the client to run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from livekit.agents import llm

from sottovoce.config import EngineKind
from sottovoce.conversation.engines import Used, together
from sottovoce.conversation.events import Usage
from sottovoce.conversation.plan import Plan
from sottovoce.conversation.turn import Turn


@dataclass
class Generation:
    """One run of model and voice; a reply that calls tools takes several."""

    asked: float
    first_token: float | None = None
    tts_asked: float | None = None
    first_audio: float | None = None
    voiced: float = 0.0
    """Seconds of speech so far."""
    usage: Usage = field(default_factory=Usage)
    calls: list[llm.FunctionToolCall] = field(default_factory=list)
    """Of the client's tools."""
    used: dict[EngineKind, tuple[Used, ...]] = field(default_factory=dict)
    """The engine that answered, and those that said its clauses."""

    def use(self, kind: EngineKind, used: Used) -> None:
        self.used = together(self.used, {kind: (used,)})

    def take(self, now: float, chunk: llm.ChatChunk, plan: Plan) -> llm.ChatChunk:
        """Note what `chunk` brings; returns it without the calls that are not ours to run."""
        self.first_token = self.first_token or now
        if chunk.usage is not None:
            self.usage = Usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        if chunk.delta is None or not chunk.delta.tool_calls:
            return chunk
        if plan.tool_choice == "none":
            own: list[llm.FunctionToolCall] = []
        else:
            own = [call for call in chunk.delta.tool_calls if call.name not in plan.client_names]
            self.calls += [call for call in chunk.delta.tool_calls if call.name in plan.client_names]
        delta = chunk.delta.model_copy(update={"tool_calls": own})
        return chunk.model_copy(update={"delta": delta})

    def clause(self, now: float) -> None:
        self.tts_asked = self.tts_asked or now

    def audio(self, now: float, duration: float) -> None:
        self.first_audio = self.first_audio or now
        self.voiced += duration

    def lead(self, now: float) -> float:
        """Seconds of speech that are still to be heard, if it is heard as soon as it comes."""
        return 0.0 if self.first_audio is None else max(self.first_audio + self.voiced - now, 0.0)

    def stamp(self, turn: Turn) -> None:
        turn.llm_asked, turn.first_token = self.asked, self.first_token
        turn.tts_asked, turn.first_audio = self.tts_asked, self.first_audio


def is_cut(plan: Plan, usage: Usage) -> bool:
    return plan.max_output_tokens is not None and usage.output_tokens >= plan.max_output_tokens


def whole_calls(generations: list[Generation]) -> list[llm.FunctionToolCall]:
    """The client's calls, without one whose arguments broke off."""
    return [call for generation in generations for call in generation.calls if _is_json(call.arguments)]


def _is_json(arguments: str) -> bool:
    try:
        json.loads(arguments or "{}")
    except ValueError:
        return False
    return True
