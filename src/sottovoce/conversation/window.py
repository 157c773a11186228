"""The part of a long conversation that a model with a small context is shown.

Dropping a turn costs the model its cache of all that follows, so many are dropped in one step, and the next
turns go on behind the same beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livekit.agents import llm

from sottovoce.conversation.prompt import characters

FULL = 0.75
"""Of the context: a prompt that is longer is cut. The rest is for the answer, and for wrong estimates."""
KEPT = 0.5
"""What it is cut to."""
KEPT_AFTER_OVERFLOW = 0.25
"""The same when the model has said that it was too long: the estimate was wrong."""
TOKENS_PER_CHARACTER = 1 / 3
"""Until the model has counted a prompt: on the safe side for prose, tools are denser."""
LEAST_RATIO, MOST_RATIO = 0.1, 2.0
"""Bounds of what is believed of a model's counting."""


@dataclass(slots=True)
class Window:
    """Of one conversation at one model. Whole turns leave it, the oldest first; what stands before the first
    of them, the instructions, stays."""

    tokens_per_character: float = TOKENS_PER_CHARACTER
    first: str | None = None
    """The item that begins the oldest turn that is shown; None for all."""

    def fit(self, items: Sequence[llm.ChatItem], beside: int, context: int) -> list[llm.ChatItem]:
        """`items` as far as `context` tokens allow; `beside` are the characters of tools."""
        head, turns = _turns(items)
        turns = self._begun(turns)
        if self._tokens(head, turns, beside) > FULL * context:
            turns = self._cut(head, turns, beside, KEPT * context)
        return _joined(head, turns)

    def shown(self, items: Sequence[llm.ChatItem]) -> list[llm.ChatItem]:
        """`items` from where it was cut last, of a model whose context is not known."""
        head, turns = _turns(items)
        return _joined(head, self._begun(turns))

    def overflowed(self, items: Sequence[llm.ChatItem], beside: int, context: int | None) -> bool:
        """The model found `items`, as shown, too long: cut harder. False where nothing is left to cut."""
        head, turns = _turns(items)
        turns = self._begun(turns)
        if len(turns) < 2:
            return False
        size = self._tokens(head, turns, beside)
        aim = min(size, context or size) * KEPT_AFTER_OVERFLOW
        self._cut(head, turns[1:], beside, aim)
        return True

    def counted(self, shown: Sequence[llm.ChatItem], beside: int, tokens: int) -> None:
        """The model counted `tokens` in what it was shown."""
        size = beside + sum(characters(item) for item in shown)
        if size and tokens:
            self.tokens_per_character = min(max(tokens / size, LEAST_RATIO), MOST_RATIO)

    def _begun(self, turns: list[list[llm.ChatItem]]) -> list[list[llm.ChatItem]]:
        starts = [index for index, turn in enumerate(turns) if turn[0].id == self.first]
        return turns[starts[0] :] if starts else turns

    def _cut(
        self, head: list[llm.ChatItem], turns: list[list[llm.ChatItem]], beside: int, aim: float
    ) -> list[list[llm.ChatItem]]:
        while len(turns) > 1 and self._tokens(head, turns, beside) > aim:
            turns = turns[1:]
        self.first = turns[0][0].id if turns else None
        return turns

    def _tokens(self, head: list[llm.ChatItem], turns: list[list[llm.ChatItem]], beside: int) -> float:
        size = beside + sum(characters(item) for item in _joined(head, turns))
        return size * self.tokens_per_character


def _turns(items: Sequence[llm.ChatItem]) -> tuple[list[llm.ChatItem], list[list[llm.ChatItem]]]:
    """What stands before the first word of the user, and the turns: each begins with the user's."""
    head: list[llm.ChatItem] = []
    turns: list[list[llm.ChatItem]] = []
    for item in items:
        if isinstance(item, llm.ChatMessage) and item.role == "user":
            turns.append([item])
        elif turns:
            turns[-1].append(item)
        else:
            head.append(item)
    return head, turns


def _joined(head: list[llm.ChatItem], turns: list[list[llm.ChatItem]]) -> list[llm.ChatItem]:
    return [*head, *(item for turn in turns for item in turn)]
