"""Why a child ended, in words."""

from __future__ import annotations

import signal

ENGINE_EXIT = 255
"""sherpa-onnx and others end the process with -1 on a model that they cannot use."""

MAX_WORDS_CHARACTERS = 300
"""Of a child's own words: what is told of it is a line, not a log."""

_MEANT = {
    signal.SIGKILL: "out of memory, or killed by hand",
    signal.SIGILL: "the engine uses instructions that this processor lacks",
    signal.SIGABRT: "the engine gave up",
    signal.SIGSEGV: "a fault in the engine, or a damaged model file",
    signal.SIGBUS: "the model's file was cut while it was read, or the disk failed",
    signal.SIGFPE: "a fault in the engine, or a damaged model file",
}


def exit_reason(status: int, last_words: str) -> str:
    """The end of a sentence that begins with the child's name; a negative `status` is the signal."""
    if status < 0:
        return _with(_killed(-status), last_words if -status == signal.SIGABRT else "")
    if status == ENGINE_EXIT:
        words = "the engine ended the process: bad or unsupported model file"
        return _with(f"ended with status {status} ({words})", last_words)
    return _with(f"ended with status {status}", last_words if status > 0 else "")


def _killed(number: int) -> str:
    try:
        name = signal.Signals(number)
    except ValueError:
        return f"was killed by signal {number}"
    meant = _MEANT.get(name)
    return f"was killed by {name.name} ({meant})" if meant else f"was killed by {name.name}"


def _with(how: str, last_words: str) -> str:
    return f"{how}: {last_words[:MAX_WORDS_CHARACTERS]}" if last_words else how
