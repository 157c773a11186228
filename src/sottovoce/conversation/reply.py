"""One reply of the assistant: what was generated for it, and how much of that was heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from livekit.agents import llm
from livekit.agents.voice import SpeechHandle

from sottovoce.conversation.events import ReplyFinished, ReplyReason, ReplyStatus, Usage
from sottovoce.conversation.turn import Turn


@dataclass
class Generation:
    """One run of model and voice; a reply that calls tools takes several."""

    asked: float
    first_token: float | None = None
    tts_asked: float | None = None
    first_audio: float | None = None
    usage: Usage = field(default_factory=Usage)
    error: str | None = None
    """What made the voice fail."""

    def token(self, now: float, chunk: Any) -> None:
        self.first_token = self.first_token or now
        if isinstance(chunk, llm.ChatChunk) and chunk.usage is not None:
            self.usage = Usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)

    def clause(self, now: float) -> None:
        self.tts_asked = self.tts_asked or now

    def audio(self, now: float) -> None:
        self.first_audio = self.first_audio or now

    def stamp(self, turn: Turn) -> None:
        turn.llm_asked, turn.first_token = self.asked, self.first_token
        turn.tts_asked, turn.first_audio = self.tts_asked, self.first_audio


@dataclass(eq=False)
class Reply:
    """A reply under way. `handle` is AgentSession's, the same through all tool steps."""

    response_id: str
    item_id: str
    handle: SpeechHandle
    turn: Turn | None = None
    generated: str = ""
    captioned: str = ""
    audio: float = 0.0
    reason: ReplyReason = "turn_detected"
    error: str | None = None
    is_playing: bool = False
    is_closed: bool = False
    generations: list[Generation] = field(default_factory=list)

    @property
    def status(self) -> ReplyStatus:
        if self.handle.interrupted:
            return "cancelled"
        return "failed" if self.error is not None else "completed"

    @property
    def heard(self) -> str:
        """What was heard of an interrupted reply, by the history's account if it has one; else all of it."""
        if self.status != "cancelled":
            return self.generated or self.captioned
        messages = [item for item in self.handle.chat_items if isinstance(item, llm.ChatMessage)]
        told = " ".join(item.text_content or "" for item in messages if item.role == "assistant")
        return told or self.captioned

    def missing_caption(self) -> str:
        """The end of the heard text that the captions have not shown yet."""
        heard = self.heard
        return heard[len(self.captioned) :] if heard.startswith(self.captioned) else ""

    def finished(self) -> ReplyFinished:
        heard = self.heard
        unheard = self.generated[len(heard) :] if self.generated.startswith(heard) else ""
        is_cancelled = self.status == "cancelled"
        return ReplyFinished(
            self.response_id,
            self.item_id,
            self.status,
            reason=self.reason if is_cancelled else None,
            heard=heard,
            unheard=unheard if is_cancelled else "",
            audio_ms=int(self.audio * 1000),
            usage=Usage(
                sum(generation.usage.input_tokens for generation in self.generations),
                sum(generation.usage.output_tokens for generation in self.generations),
            ),
            error=self.error,
        )
