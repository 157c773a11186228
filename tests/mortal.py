"""Programs that tests start and that must not outlive them, however the tests end."""

from __future__ import annotations

import os
import sys

GO = """
import os, sys
from sottovoce.lifeline import die_with_parent
die_with_parent()
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def mortal(program: str, *arguments: str) -> list[str]:
    """The command line that becomes `program`, which Linux kills with the thread that starts it."""
    return [sys.executable, "-P", "-c", GO, str(os.getpid()), program, *arguments]
