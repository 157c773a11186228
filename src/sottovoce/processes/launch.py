"""`python -m sottovoce.processes.launch PROGRAM ARGUMENT…`: a program that dies with who started it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading

from sottovoce.lifeline import die_with_parent


def main() -> None:
    """Becomes the program where the kernel sees to its end, and stays before it elsewhere."""
    die_with_parent()
    if _has_ended():
        return
    if sys.platform.startswith("linux"):
        os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  there is no shell in it
    _guard(subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL))


def _has_ended() -> bool:
    """The parent may have died before the kernel was asked: then its end of our standard input is closed."""
    readable, _, _ = select.select([0], [], [], 0)
    return bool(readable) and not os.read(0, 1)


def _guard(program: subprocess.Popen[bytes]) -> None:
    def watch() -> None:
        while os.read(0, 1024):
            pass
        program.kill()

    threading.Thread(target=watch, daemon=True).start()
    status = program.wait()
    os._exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
