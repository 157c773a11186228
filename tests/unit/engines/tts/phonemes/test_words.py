import pytest

from sottovoce.engines.tts.phonemes.words import split_parts, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", [("Hello", ","), ("world", "!")]),
        ("Wait... what?!", [("Wait", "."), ("what", "?")]),
        ("one - two—three", [("one", "—"), ("two", "—"), ("three", "")]),
        ("it (which is) there", [("it", ","), ("which", ""), ("is", ","), ("there", "")]),
        ('"don\'t" «go»', [("don't", ""), ("go", "")]),
        ("你好。世界！", [("你好", "."), ("世界", "!")]),
        ("... go", [("go", "")]),
        ("", []),
        ("?!", []),
    ],
)
def test_words_keep_the_mark_behind_them(text: str, words: list[tuple[str, str]]) -> None:
    assert [(word.text, word.mark) for word in split_words(text)] == words


def test_parts_lie_between_marks() -> None:
    assert [(part.text, part.mark) for part in split_parts("Hola amigo, ¿qué tal? bien")] == [
        ("Hola amigo", ","),
        ("¿qué tal", "?"),
        ("bien", ""),
    ]
