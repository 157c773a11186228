"""Replies cut so that speech starts early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.engines.llm.rules.clauses import MAX_FIRST_CHARACTERS, chunks


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Okay.", ["Okay."]),
        ("One, two, three, four.", ["One, ", "two, three, four."]),
        (
            "Yes, I can hear you. What can I do? Ask.",
            ["Yes, ", "I can hear you. ", "What can I do? ", "Ask."],
        ),
        ("Today is Sunday, the 22nd of November 2026.", ["Today is Sunday, ", "the 22nd of November 2026."]),
        ("It is 3:45 PM.", ["It is 3:45 PM."]),
        (
            "This sentence has no clause that ends early enough for speech.",
            ["This sentence has no clause that ends ", "early enough for speech."],
        ),
    ],
)
def test_the_first_clause_comes_alone(text: str, pieces: list[str]) -> None:
    assert list(chunks(text)) == pieces


@given(st.text(min_size=1))
def test_the_chunks_are_the_text(text: str) -> None:
    pieces = list(chunks(text))
    assert "".join(pieces) == text
    assert all(pieces)


@given(st.text(alphabet="ab ,.", min_size=1, max_size=300))
def test_the_first_chunk_is_short(text: str) -> None:
    assert len(next(chunks(text))) <= MAX_FIRST_CHARACTERS
