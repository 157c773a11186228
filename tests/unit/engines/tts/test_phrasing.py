from hypothesis import given
from hypothesis import strategies as st

from sottovoce.engines.tts.phonemes.words import Spoken
from sottovoce.engines.tts.phrasing import (
    FIRST_SPEECH,
    LONGEST_SPEECH,
    MAX_PHONEMES,
    SLACK,
    next_clause,
    split_overlong,
)


def words(text: str) -> list[Spoken]:
    """Of "foo, &bar": a word with its mark, and one that begins a new part."""
    return [
        Spoken(word.strip("&,.;"), word[-1] if word[-1] in ",.;" else "", word.startswith("&"))
        for word in text.split()
    ]


def cut(text: str, wished: float) -> list[str]:
    left, found = words(text), []
    while left:
        clause, count = next_clause(left, wished)
        found.append(clause.phonemes)
        left = left[count:]
    return found


def test_a_short_sentence_is_left_whole() -> None:
    assert cut("həlO ðɛɹ.", FIRST_SPEECH) == ["həlO ðɛɹ."]


def test_a_cut_goes_behind_a_mark_where_there_is_one_near() -> None:
    assert cut("wʌn tu, θɹi fɔɹ fIv sɪks sɛvən At nIn tɛn", FIRST_SPEECH)[0] == "wʌn tu,"


def test_a_cut_goes_before_a_new_part_rather_than_into_one() -> None:
    assert cut("wʌn tu θɹi &and fɔɹ fIv sɪks sɛvən At nIn tɛn", FIRST_SPEECH)[0] == "wʌn tu θɹi"


def test_later_clauses_may_be_longer() -> None:
    text = "wʌn tu θɹi fɔɹ fIv sɪks sɛvən At nIn tɛn " * 5
    assert len(cut(text, LONGEST_SPEECH)) < len(cut(text, FIRST_SPEECH)) / 4


def test_a_clause_says_how_long_it_is() -> None:
    clause, count = next_clause(words("həlO, ðɛɹ."), 6.0)
    assert (clause.mark, count) == (".", 2)
    assert 0.5 < clause.speech < 1.0


def test_a_word_beyond_all_bounds_is_cut() -> None:
    pieces = split_overlong(Spoken("a" * (2 * MAX_PHONEMES + 1), "!"))
    assert [len(piece.phonemes) for piece in pieces] == [MAX_PHONEMES, MAX_PHONEMES, 1]
    assert [piece.mark for piece in pieces] == ["", "", "!"]


_WORDS = st.lists(
    st.builds(Spoken, st.text("aɪO", min_size=1, max_size=30), st.sampled_from(["", ",", "."])), max_size=200
)


@given(_WORDS, st.floats(0, 100))
def test_no_word_is_lost_and_no_clause_is_too_long(given_words: list[Spoken], wished: float) -> None:
    left, said = given_words, []
    while left:
        clause, count = next_clause(left, wished)
        assert count >= 1
        assert len(clause.phonemes) <= MAX_PHONEMES * SLACK
        said.append(clause.phonemes)
        left = left[count:]
    assert " ".join(said) == " ".join(map(str, given_words))
