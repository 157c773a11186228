"""Counting and cutting by words and marks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sottovoce.engines.llm.chat import Message
from sottovoce.engines.llm.tokens import MESSAGE_OVERHEAD, count_messages, count_tokens, cut_tokens


def test_words_and_marks_count() -> None:
    assert count_tokens("It is 3:45 PM.") == 7
    assert count_tokens("") == 0


@given(st.text(), st.integers(0, 20))
def test_a_cut_text_is_a_start_with_at_most_that_many_tokens(text: str, limit: int) -> None:
    cut = cut_tokens(text, limit)
    assert text.startswith(cut)
    assert count_tokens(cut) <= limit
    assert cut == text or count_tokens(cut) == min(limit, count_tokens(text))


def test_messages_cost_their_text_their_calls_and_an_overhead() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
    messages = [
        Message(role="user", content="what time is it"),
        Message.model_validate({"role": "assistant", "tool_calls": [call]}),
    ]
    assert count_messages(messages) == 2 * MESSAGE_OVERHEAD + 4 + 1 + 2
