"""Why an engine's process ended, in words."""

from __future__ import annotations

import signal

from sottovoce.processes.ending import MEANT, ended, with_words

ENGINE_EXIT = 255
"""sherpa-onnx and others end the process with -1 on a model that they cannot use."""

_MEANT = {
    **MEANT,
    signal.SIGILL: "the engine uses instructions that this processor lacks",
    signal.SIGABRT: "the engine gave up",
    signal.SIGSEGV: "a fault in the engine, or a damaged model file",
    signal.SIGBUS: "the model's file was cut while it was read, or the disk failed",
    signal.SIGFPE: "a fault in the engine, or a damaged model file",
}


def exit_reason(status: int, last_words: str) -> str:
    """The end of a sentence that begins with the child's name; a negative `status` is the signal."""
    if status == ENGINE_EXIT:
        words = "the engine ended the process: bad or unsupported model file"
        return with_words(f"ended with status {status} ({words})", last_words)
    return ended(status, last_words if status != 0 else "", _MEANT)
