"""Is the user done? A judgement on the words, to be weighed with silence by AgentSession."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable

from livekit.agents import llm
from livekit.agents.language import LanguageCode

LIKELY = 0.9
UNLIKELY = 0.1
THRESHOLD = 0.5
MAX_SETTLING = 10.0
"""Seconds the judgement waits for the words; every transcript comes or fails before that."""

logger = logging.getLogger(__name__)

_FILLERS = frozenset("um uh er hmm ah".split())
_PREPOSITIONS = frozenset("of to for from with at into about between than".split())
_OPENERS = _PREPOSITIONS | frozenset(
    "a an the my your our their every and or but because if when while plus minus times divided".split()
)
_QUESTION_WORDS = frozenset("what who whom where which how".split())
_WORD = re.compile(r"[\w']+")


class WordsTurnDetector:
    """Calls a turn unfinished when it ends in a word that wants another one, or in a filler.

    Recognisers without punctuation give nothing better; with it, a full stop or question mark settles it. It
    judges when all that was said is transcribed: what comes later would begin another turn.
    """

    model = "words"
    provider = "sottovoce"

    def __init__(self, settled: Callable[[], Awaitable[None]]) -> None:
        """`settled` returns when no transcript is awaited."""
        self._settled = settled
        self.is_patient = True
        """Whether unfinished sentences are waited for."""

    async def unlikely_threshold(self, language: LanguageCode | None) -> float | None:
        return THRESHOLD

    async def supports_language(self, language: LanguageCode | None) -> bool:
        return not language or language.startswith("en")

    async def predict_end_of_turn(self, chat_ctx: llm.ChatContext, *, timeout: float | None = None) -> float:
        """The probability, 0 to 1, that the last message is a whole turn."""
        try:
            async with asyncio.timeout(MAX_SETTLING):
                await self._settled()
        except TimeoutError:
            logger.error("a turn ends although a transcript is awaited")
        messages = chat_ctx.messages()
        text = messages[-1].text_content or "" if messages else ""
        return LIKELY if not self.is_patient or is_complete(text) else UNLIKELY


def is_complete(text: str) -> bool:
    """Does `text` read as a whole turn?"""
    stripped = text.strip().lower()
    if stripped.endswith((".", "?", "!")):
        return True
    words = _WORD.findall(stripped)
    if not words:
        return True
    if words[-1] in _FILLERS:
        return False
    is_stranded = words[0] in _QUESTION_WORDS and words[-1] in _PREPOSITIONS  # "what is it for"
    return words[-1] not in _OPENERS or is_stranded
