from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sottovoce.conversation.clauses import LONGEST_CLAUSE_CHARACTERS, clauses


async def cut(*chunks: str) -> list[str]:
    async def stream() -> AsyncIterator[str]:
        for chunk in chunks:
            yield chunk

    return [piece async for piece in clauses(stream())]


async def test_the_first_clause_leaves_at_its_comma() -> None:
    assert await cut("It is ten o'clock, and all is well. ", "Sleep tight now, dear friend.") == [
        "It is ten o'clock, ",
        "and all is well. Sleep tight now, dear friend.",
    ]


async def test_later_pieces_are_whole_sentences() -> None:
    text = "First of all. Then comes a longer one, with a comma in it. And the last one here."
    assert await cut(*text) == [
        "First of all. ",
        "Then comes a longer one, with a comma in it. ",
        "And the last one here.",
    ]


@pytest.mark.parametrize(
    "text", ["Ask Dr. Watson about it.", "At 3.50 it is cheap.", "J. R. R. Tolkien wrote it.", "Yes."]
)
async def test_abbreviations_and_decimals_do_not_end_a_clause(text: str) -> None:
    assert await cut(text) == [text]


async def test_very_short_openings_wait() -> None:
    assert await cut("No, that is wrong, sorry.") == ["No, that is wrong, ", "sorry."]


async def test_text_without_marks_is_cut_at_a_space() -> None:
    pieces = await cut("word " * 200)
    assert "".join(pieces) == "word " * 200
    assert max(map(len, pieces)) <= LONGEST_CLAUSE_CHARACTERS
    assert all(piece.endswith(" ") for piece in pieces[:-1])


async def test_nothing_is_lost_however_the_text_arrives() -> None:
    text = "Well, hello there! How are you? I am 3.5 years old; Mr. Smith is 40.\nBye now."
    for size in (1, 3, 7, len(text)):
        chunks = [text[at : at + size] for at in range(0, len(text), size)]
        assert "".join(await cut(*chunks)) == text


async def test_blank_text_is_not_spoken() -> None:
    assert await cut("  ", "\n") == []
