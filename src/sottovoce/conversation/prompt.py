"""What the model reads: the history as a request may carry it, under the instructions that count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from livekit.agents import llm
from livekit.agents.voice.generation import INSTRUCTIONS_MESSAGE_ID

from sottovoce.conversation.history import FunctionCall, FunctionCallOutput, HistoryItem, Message
from sottovoce.conversation.plan import Plan

NOTHING_TO_READ = "Greet the user."
"""Said to the model where there are neither instructions nor a history: it must be told something."""


def chat_item(item: HistoryItem, created_at: float) -> llm.ChatItem:
    """`item` as AgentSession keeps it; a recording that is not transcribed yet has no words."""
    match item:
        case Message():
            return llm.ChatMessage(
                id=item.item_id, role=item.role, content=[item.text], created_at=created_at
            )
        case FunctionCall():
            return llm.FunctionCall(
                id=item.item_id,
                call_id=item.call_id,
                name=item.name,
                arguments=item.arguments,
                created_at=created_at,
            )
        case FunctionCallOutput():
            return llm.FunctionCallOutput(
                id=item.item_id,
                call_id=item.call_id,
                output=item.output,
                is_error=False,
                created_at=created_at,
            )
        case _:
            return llm.ChatMessage(id=item.item_id, role="user", content=[""], created_at=created_at)


def characters(item: llm.ChatItem) -> int:
    """Of what a model reads in it."""
    match item:
        case llm.ChatMessage():
            return len(item.text_content or "")
        case llm.FunctionCall():
            return len(item.name) + len(item.arguments)
        case llm.FunctionCallOutput():
            return len(item.output)
        case _:
            return 0


def prompt(items: Sequence[llm.ChatItem], plan: Plan) -> llm.ChatContext:
    """`items` in a form that any model takes, for the reply that `plan` describes."""
    told = _told(items, plan)
    note = plan.note or _nudge(told, plan)
    return llm.ChatContext([*told, _system(note)] if note else told)


def beginning(items: Sequence[llm.ChatItem], plan: Plan) -> llm.ChatContext:
    """What `prompt` begins with, whatever is said next."""
    return llm.ChatContext(_told(items, plan))


def _told(items: Sequence[llm.ChatItem], plan: Plan) -> list[llm.ChatItem]:
    told = _renamed(_paired(item for item in items if _says_something(item)))
    if plan.instructions is not None:
        told = [item for item in told if item.id != INSTRUCTIONS_MESSAGE_ID]
        told = [_system(plan.instructions), *told] if plan.instructions else told
    return told


def _nudge(told: list[llm.ChatItem], plan: Plan) -> str:
    """Instructions for one reply come last too where nobody else had the last word: a model that finds its
    own there has nothing to answer."""
    if not told:
        return NOTHING_TO_READ
    last = told[-1]
    is_asked = isinstance(last, llm.FunctionCallOutput) or (
        isinstance(last, llm.ChatMessage) and last.role in ("user", "system")
    )
    return "" if is_asked else plan.instructions or ""


def _system(text: str) -> llm.ChatMessage:
    return llm.ChatMessage(role="system", content=[text])


def _says_something(item: llm.ChatItem) -> bool:
    if isinstance(item, llm.ChatMessage):
        return bool((item.text_content or "").strip())
    return isinstance(item, llm.FunctionCall | llm.FunctionCallOutput)


def _paired(items: Iterable[llm.ChatItem]) -> list[llm.ChatItem]:
    """Without calls that nobody answered, answers to no call, and the repetition of either."""
    kept = list(items)
    calls = {item.call_id for item in kept if isinstance(item, llm.FunctionCall)}
    answers = {item.call_id for item in kept if isinstance(item, llm.FunctionCallOutput)}
    paired: list[llm.ChatItem] = []
    seen: set[tuple[str, str]] = set()
    for item in kept:
        if isinstance(item, llm.FunctionCall | llm.FunctionCallOutput):
            if item.call_id not in calls & answers or (item.type, item.call_id) in seen:
                continue
            seen.add((item.type, item.call_id))
        paired.append(item)
    return paired


def _renamed(items: list[llm.ChatItem]) -> list[llm.ChatItem]:
    """Clients choose ids, and livekit reads meaning into a slash in one: here each item gets a plain id, and
    calls stay grouped with the words they were made with."""
    groups: dict[str, str] = {}
    renamed: list[llm.ChatItem] = []
    for index, item in enumerate(items):
        if item.id == INSTRUCTIONS_MESSAGE_ID:
            renamed.append(item)
        elif isinstance(item, llm.FunctionCall):
            group = groups.setdefault(_group(item), f"group-{index}")
            renamed.append(item.model_copy(update={"id": f"item-{index}", "group_id": group}))
        else:
            group = f"group-{index}"
            if isinstance(item, llm.ChatMessage) and item.role == "assistant":
                groups[item.id] = group
            renamed.append(item.model_copy(update={"id": group}))
    return renamed


def _group(call: llm.FunctionCall) -> str:
    return call.group_id or call.id.rpartition("/")[0] or call.id
