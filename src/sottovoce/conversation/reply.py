"""One reply of the assistant: what was generated for it, and how much of that was heard."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from livekit.agents import llm
from livekit.agents.voice import SpeechHandle

from sottovoce.config import EngineKind
from sottovoce.conversation.engines import Used, Uses, together
from sottovoce.conversation.events import ReplyFinished, ReplyReason, ReplyStatus, Usage
from sottovoce.conversation.generation import Generation, is_cut, whole_calls
from sottovoce.conversation.heard import Heard
from sottovoce.conversation.plan import Plan
from sottovoce.conversation.turn import Turn
from sottovoce.ids import random_id


@dataclass(eq=False)
class Reply:
    """A reply under way, or one that may come. `handle` is AgentSession's, the same through all tool steps.

    One that `is_asked` was promised to somebody, and its end is told even if it never began.
    """

    handle: SpeechHandle
    plan: Plan
    response_id: str
    is_asked: bool = False
    item_id: str = field(default_factory=lambda: random_id("item"))
    turn: Turn | None = None
    generated: str = ""
    captioned: str = ""
    audio: float = 0.0
    reason: ReplyReason = "turn_detected"
    error: str | None = None
    is_open: bool = False
    is_playing: bool = False
    is_closed: bool = False
    is_deleted: bool = False
    """Its item was deleted while it was given: it leaves no trace in the history."""
    renamed: dict[str, str] = field(default_factory=dict)
    """The items of its messages, by the names AgentSession gave them."""
    generations: list[Generation] = field(default_factory=list)
    captions: Heard = field(default_factory=Heard)
    said_by: tuple[Used, ...] = ()
    """The voices of words that no model made."""
    told: Uses | None = None
    """The engines that clients know of."""

    @property
    def generation(self) -> Generation | None:
        return self.generations[-1] if self.generations else None

    @property
    def is_live(self) -> bool:
        """AgentSession works on it, or will; a speculative one is not scheduled yet."""
        return self.handle.scheduled and not self.handle.done() and not self.is_closed

    @property
    def usage(self) -> Usage:
        return Usage(
            sum(generation.usage.input_tokens for generation in self.generations),
            sum(generation.usage.output_tokens for generation in self.generations),
        )

    def use_voice(self, used: Used) -> None:
        """A clause of it is said by that one."""
        if self.generation is not None:
            self.generation.use("tts", used)
        else:
            self.said_by = together({"tts": (*self.said_by, used)})["tts"]

    @property
    def uses(self) -> dict[EngineKind, tuple[Used, ...]]:
        """The engines that it went through so far, from the user's words on."""
        heard: Uses = {"stt": self.turn.heard_by} if self.turn is not None else {}
        return together(heard, {"tts": self.said_by}, *(each.used for each in self.generations))

    @property
    def is_cut(self) -> bool:
        """The model used up what it may say: no server tells more reliably that it stopped there."""
        return is_cut(self.plan, self.usage)

    @property
    def status(self) -> ReplyStatus:
        if self.handle.interrupted:
            return "cancelled"
        if self.error is not None:
            return "failed"
        return "incomplete" if self.is_cut else "completed"

    @property
    def calls(self) -> list[llm.FunctionToolCall]:
        """What the client has to run, when nothing stopped the reply."""
        is_whole = self.status in ("completed", "incomplete")
        return whole_calls(self.generations) if is_whole else []

    @property
    def written(self) -> str:
        """What AgentSession wrote down of it."""
        messages = [item for item in self.handle.chat_items if isinstance(item, llm.ChatMessage)]
        return " ".join(item.text_content or "" for item in messages if item.role == "assistant")

    @property
    def heard(self) -> str:
        """What was heard of an interrupted reply, by the history's account if it has one; else all of it."""
        if self.status != "cancelled":
            return self.generated or self.captioned
        return self.written or self.captioned

    def group(self, call: llm.FunctionCall) -> llm.FunctionCall:
        """`call`, told to belong to the message that it was made with."""
        step = call.id.rpartition("/")[0]
        return call.model_copy(update={"group_id": self.renamed.get(step, step)})

    @property
    def steps(self) -> list[llm.ChatItem]:
        """What it said, called and was told so far, in order."""
        items = sorted(self.handle.chat_items, key=lambda item: item.created_at)
        return [self.group(item) if isinstance(item, llm.FunctionCall) else item for item in items]

    def missing_caption(self) -> str:
        """The end of the heard text that the captions have not shown yet."""
        heard = self.heard
        return heard[len(self.captioned) :] if heard.startswith(self.captioned) else ""

    def finished(self) -> ReplyFinished:
        heard, status = self.heard, self.status
        unheard = self.generated[len(heard) :] if self.generated.startswith(heard) else ""
        reasons: dict[ReplyStatus, ReplyReason] = {
            "cancelled": self.reason,
            "incomplete": "max_output_tokens",
        }
        return ReplyFinished(
            self.response_id,
            self.item_id,
            status,
            reason=reasons.get(status),
            heard=heard,
            unheard=unheard if status == "cancelled" else "",
            audio_ms=int(self.audio * 1000),
            usage=self.usage,
            error=self.error,
        )


@dataclass(frozen=True, slots=True)
class Brief:
    """What whoever has AgentSession begin a reply wants of it; told through `BRIEF`."""

    plan: Plan
    response_id: str | None = None
    generations: list[Generation] | None = None
    """Filled elsewhere, for words that are not AgentSession's own."""


BRIEF: ContextVar[Brief | None] = ContextVar("brief", default=None)
"""Set around the call that begins a reply."""
MakePlan = Callable[[], Plan]
Current = Callable[[], Reply | None]
"""Tells the reply that the running task works for."""
