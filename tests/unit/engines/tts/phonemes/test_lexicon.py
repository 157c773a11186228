from pathlib import Path

from sottovoce.engines.tts.phonemes.lexicon import Lexicon


def test_words_are_found(tmp_path: Path) -> None:
    file = tmp_path / "lexicon.txt"
    file.write_text("hello h ə l ˈ O\r\nzoo z ˈ u\n你好 n i ↓ x a u ↓\na ɐ\nodd\n\n", encoding="utf-8")
    lexicon = Lexicon.read(file)
    assert len(lexicon) == 4
    assert [lexicon.get(word) for word in ("a", "hello", "zoo", "你好")] == ["ɐ", "həlˈO", "zˈu", "ni↓xau↓"]
    assert [lexicon.get(word) for word in ("", "hell", "helloo", "zzz", "odd", "\ud800")] == [None] * 6
    assert lexicon.longest == 5


def test_an_empty_lexicon_knows_nothing() -> None:
    assert Lexicon([]).get("hello") is None
