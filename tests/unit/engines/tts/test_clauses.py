from hypothesis import given
from hypothesis import strategies as st

from sottovoce.engines.tts.clauses import (
    COLON_PAUSE,
    COMMA_PAUSE,
    MAX_CLAUSE_CHARACTERS,
    PARAGRAPH_PAUSE,
    SENTENCE_PAUSE,
    Clause,
    split_clauses,
)


def test_sentences_are_clauses_with_their_pauses() -> None:
    assert list(split_clauses('Hello there. "How are you?" Fine')) == [
        Clause("Hello there.", SENTENCE_PAUSE),
        Clause('"How are you?"', SENTENCE_PAUSE),
        Clause("Fine", 0.0),
    ]


def test_points_inside_figures_end_nothing() -> None:
    assert [clause.text for clause in split_clauses("It is 3.50 at 1.2.3 now.")] == [
        "It is 3.50 at 1.2.3 now."
    ]


def test_lines_and_paragraphs_pause() -> None:
    assert list(split_clauses("Title\none\n\ntwo:")) == [
        Clause("Title", SENTENCE_PAUSE, line_pause=SENTENCE_PAUSE),
        Clause("one", PARAGRAPH_PAUSE, line_pause=PARAGRAPH_PAUSE),
        Clause("two:", COLON_PAUSE),
    ]


def test_chinese_sentences_need_no_space() -> None:
    assert [clause.text for clause in split_clauses("你好！好。")] == ["你好！", "好。"]


def test_a_long_sentence_is_cut_at_a_comma() -> None:
    words = "word " * 40
    first, second = split_clauses(f"{words.strip()}, {words.strip()}.")
    assert first == Clause(words.strip() + ",", COMMA_PAUSE)
    assert second.text.endswith("word.")


def test_text_without_any_place_to_cut_is_cut_hard() -> None:
    assert [len(clause.text) for clause in split_clauses("x" * 700)] == [300, 300, 100]


@given(st.text(alphabet="ab .,!?;:\n。", max_size=2000))
def test_nothing_is_lost_and_no_clause_is_empty_or_long(text: str) -> None:
    clauses = list(split_clauses(text))
    assert "".join("".join(clause.text for clause in clauses).split()) == "".join(text.split())
    assert all(0 < len(clause.text) <= MAX_CLAUSE_CHARACTERS for clause in clauses)
