import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.processes.logs import LAST_LINES, MAX_LINE_BYTES, ChildLog, LineSplitter


def lines(chunks: list[bytes], limit_bytes: int = MAX_LINE_BYTES) -> list[str]:
    splitter = LineSplitter(limit_bytes)
    return [line for chunk in chunks for line in splitter.push(chunk)] + list(splitter.flush())


def test_lines_come_whole_however_they_arrive() -> None:
    assert lines([b"one\ntw", b"o\n", b"", b"three"]) == ["one", "two", "three"]


def test_a_long_line_is_cut_and_the_next_one_is_whole() -> None:
    assert lines([b"x" * 50, b"x" * 50 + b"\nnext\n"], limit_bytes=10) == ["x" * 10, "next"]


def test_control_characters_do_not_pass() -> None:
    assert lines([b"\x1b[31mred\r\x07 end\xff\n"]) == ["[31mred  end\N{REPLACEMENT CHARACTER}"]


@given(st.lists(st.binary(max_size=40)), st.integers(1, 20))
def test_memory_and_lines_are_bounded(chunks: list[bytes], limit_bytes: int) -> None:
    assert all(len(line) <= limit_bytes for line in lines(chunks, limit_bytes))


def test_the_level_of_the_child_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    log = ChildLog("sottovoce.engine.tts")
    with caplog.at_level(logging.INFO):
        log.push(b"WARNING engine: careful\nplain words\n\nERROR la")
        log.push(b"st")
        log.flush()
    assert [(record.name, record.levelname, record.message) for record in caplog.records] == [
        ("sottovoce.engine.tts", "WARNING", "engine: careful"),
        ("sottovoce.engine.tts", "INFO", "plain words"),
        ("sottovoce.engine.tts", "ERROR", "last"),
    ]
    assert log.last_words == "last"


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("", ""),
        ("one\ntwo\n", "two"),
        (
            "/src/csrc/kokoro.cc:Init:12 no n_speakers\nINFO x: leaving\n",
            "/src/csrc/kokoro.cc:Init:12 no n_speakers",
        ),
        ("Traceback\n  File x\nMemoryError\nbye\n", "MemoryError"),
        ("ERROR x: no model\nINFO x: bye\n", "x: no model"),
        ("error: SOTTOVOCE_X is wrong\n", "error: SOTTOVOCE_X is wrong"),
        ("ERROR x: long ago\n" + "INFO x: well\n" * LAST_LINES, "x: well"),
    ],
)
def test_the_last_words_are_those_that_tell_of_a_fault(printed: str, words: str) -> None:
    log = ChildLog("sottovoce.engine.tts")
    log.push(printed.encode())
    assert log.last_words == words
