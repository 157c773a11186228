"""Tokens of engines that have no tokenizer: every word, number run and punctuation mark counts one.

Real tokenizers split long words, so these counts run a little low; they are exact for what they say and the
same for prompt and reply.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sottovoce.engines.llm.chat import Message

TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])")
MESSAGE_OVERHEAD = 3
"""Tokens per message for its role and its ends, as OpenAI counts them."""


def count_tokens(text: str) -> int:
    return sum(1 for _ in TOKEN.finditer(text))


def cut_tokens(text: str, limit: int) -> str:
    """The first `limit` tokens of `text`."""
    end = 0
    for number, match in enumerate(TOKEN.finditer(text)):
        if number >= limit:
            return text[:end]
        end = match.end()
    return text


def count_messages(messages: Iterable[Message]) -> int:
    return sum(MESSAGE_OVERHEAD + count_tokens(message.text) + _calls(message) for message in messages)


def _calls(message: Message) -> int:
    calls = message.tool_calls or ()
    return sum(count_tokens(call.function.name) + count_tokens(call.function.arguments) for call in calls)
