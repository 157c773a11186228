from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys, time
from sottovoce.cli import leaving

class Slow:
    def __del__(self):
        time.sleep(600)

slow = Slow()
atexit.register(time.sleep, 600)
print("the last word", end="")
leaving.{ending}
"""


@pytest.mark.parametrize(
    ("ending", "status", "error"),
    [("leave()", 0, ""), ("leave(3)", 3, ""), ("end_by_force()", 1, "Stopped by force.\n")],
)
def test_nothing_is_taken_apart_and_nothing_that_was_said_is_lost(
    ending: str, status: int, error: str
) -> None:
    program = [sys.executable, "-c", PROGRAM.format(ending=ending)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=15, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "the last word", error)
