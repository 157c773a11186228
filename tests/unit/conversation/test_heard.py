from __future__ import annotations

import pytest

from sottovoce.conversation import heard
from sottovoce.conversation.heard import Heard, SpokenReplies
from sottovoce.errors import InvalidRequestError


def captions(text: str, seconds: float) -> Heard:
    """A word every `seconds`."""
    kept, length = Heard(), 0
    for index, word in enumerate(text.split(" ")):
        length = min(len(text), length + len(word) + 1)
        kept.mark(index * seconds, length)
    return kept


@pytest.mark.parametrize(
    ("end_ms", "words"),
    [(0, "one"), (999, "one"), (1000, "one two"), (2500, "one two three"), (4000, "one two three four")],
)
def test_a_reply_is_cut_at_the_word_that_was_begun(end_ms: int, words: str) -> None:
    replies = SpokenReplies()
    replies.keep("a", "one two three four", 4.0, captions("one two three four", 1.0))
    assert replies.cut("a", end_ms) == words


def test_words_once_cut_stay_cut() -> None:
    replies = SpokenReplies()
    replies.keep("a", "one two three four", 4.0, captions("one two three four", 1.0))
    assert [replies.cut("a", end_ms) for end_ms in (2000, 9000, 1000, 2000)] == [
        "one two three",
        "one two three",
        "one two",
        "one two",
    ]


def test_nothing_stays_of_what_was_cut_before_its_first_word() -> None:
    replies, late = SpokenReplies(), Heard()
    late.mark(0.5, 3)
    replies.keep("a", "one", 1.0, late)
    assert replies.cut("a", 400) == ""


def test_marks_never_go_back_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard, "MAX_MARKS", 3)
    marks = Heard()
    for position, length in ((1.0, 3), (0.5, 6), (2.0, 9), (3.0, 12)):
        marks.mark(position, length)
    assert [marks.length_at(position) for position in (0.9, 1.0, 2.0, 9.0)] == [0, 6, 9, 9]


def test_only_the_last_replies_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard, "MAX_REMEMBERED", 2)
    replies = SpokenReplies()
    for item_id in "abc":
        replies.keep(item_id, "words", 1.0, Heard())
    replies.forget("b")
    assert replies.cut("c", 5000) == "words"
    for item_id in "ab":
        with pytest.raises(InvalidRequestError):
            replies.cut(item_id, 0)
