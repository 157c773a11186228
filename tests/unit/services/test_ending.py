from __future__ import annotations

import signal

import pytest

from sottovoce.processes.ending import MAX_WORDS_CHARACTERS
from sottovoce.services.ending import exit_reason


@pytest.mark.parametrize(
    ("status", "words", "told"),
    [
        (0, "bye", "ended with status 0"),
        (1, "ValueError: no", "ended with status 1: ValueError: no"),
        (1, "", "ended with status 1"),
        (
            255,
            "x.cc:Init",
            "ended with status 255 (the engine ended the process: bad or unsupported model file): x.cc:Init",
        ),
        (-signal.SIGKILL, "hello", "was killed by SIGKILL (out of memory, or killed by hand)"),
        (
            -signal.SIGILL,
            "hello",
            "was killed by SIGILL (the engine uses instructions that this processor lacks)",
        ),
        (-signal.SIGABRT, "GGML_ASSERT(x)", "was killed by SIGABRT (the engine gave up): GGML_ASSERT(x)"),
        (-signal.SIGTERM, "", "was killed by SIGTERM"),
        (-99, "", "was killed by signal 99"),
    ],
)
def test_an_end_is_told_in_words(status: int, words: str, told: str) -> None:
    assert exit_reason(status, words) == told


def test_a_reason_is_a_line_and_no_log() -> None:
    assert len(exit_reason(1, "x" * 4000)) < MAX_WORDS_CHARACTERS + 40
