import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.engines.tts.normalise import MAX_EMOJI_SAID, normalise

AMERICAN = "en-us"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("# Title\n\nSome *bold* and **strong** `code`.", "Title\nSome bold and strong code."),
        ("- one\n- two", "one\ntwo"),
        ("1. first\n2. second", "1: first\n2: second"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a, b\n1, 2"),
        ("[the page](https://example.com/x)", "the page"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("<b>bold</b> &amp; plain", "bold & plain"),
        ("snake_case stays", "snake case stays"),
        ("Hello 😀!", "Hello!"),
        ("wow!!! What?!", "wow! What?"),
        ("-----", ""),
        ("!!!", ""),
        ("", ""),
        (" \n\t ", ""),
        ("\0\x07abc\u200b", "abc"),
        ("don’t “worry”", 'don\'t "worry"'),
    ],
)
def test_markup_pictures_and_noise_are_not_spoken(written: str, said: str) -> None:
    assert normalise(written, AMERICAN) == said


def test_a_message_of_emoji_keeps_a_few_to_be_read_by_name() -> None:
    assert normalise("👍🏽👍", AMERICAN) == "👍"
    assert normalise("😀 😁 😂 😃 😄", AMERICAN).split() == ["😀", "😁", "😂"]
    assert len(normalise("😀😁😂😃😄", AMERICAN).split()) == MAX_EMOJI_SAID


def test_other_languages_leave_figures_to_the_engine() -> None:
    assert normalise("**Um 12:05** kostet es 3,50", "de") == "Um 12:05 kostet es 3,50"


def test_products_are_no_emphasis() -> None:
    assert normalise("2*3*4", AMERICAN) == "2 times 3 times 4"


def test_lone_surrogates_disappear() -> None:
    assert normalise("a\ud800b", AMERICAN) == "ab"


@given(st.text(max_size=400), st.sampled_from([AMERICAN, "en-gb", "de"]))
def test_any_text_comes_out_printable(text: str, language: str) -> None:
    said = normalise(text, language)
    said.encode()
    assert all(
        character == "\n" or character.isprintable() or character in "\u200c\u200d" for character in said
    )
    assert said == said.strip("\n")


@pytest.mark.parametrize(
    "unit",
    [
        "1,",
        "\n",
        " ",
        "1/",
        "a@a.",
        "+1 ",
        "www.",
        "![",
        "[a](",
        "\\",
        "$1,000",
        "12:",
        "in 1",
        "- ",
        "|a|\n|-|\n",
    ],
)
def test_the_longest_input_of_any_kind_is_quick(unit: str) -> None:
    """Two orders of magnitude above what it takes; a quadratic pattern takes more."""
    text = (unit * 4096)[:4096]
    began = time.thread_time()
    normalise(text, AMERICAN)
    assert time.thread_time() - began < 1.0
