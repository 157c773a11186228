"""The download worker: `python -m sottovoce.models.download_child`, started by `download`.

Its first line of standard input is the job; the end of that stream, like the end of its parent, ends it. On
standard output it writes lines of JSON (`download_job`), on standard error what its libraries have to say.
It may be killed at any moment: what has come is kept and gone on with.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import IO

from sottovoce.errors import DownloadError
from sottovoce.lifeline import die_with_parent
from sottovoce.models.download_job import MAX_LINE_BYTES, Failure, Job, Line

EXIT_FAILED = 1


def main() -> int:
    """The exit status: 0 when the model is in its place."""
    die_with_parent()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s")
    lines = _own_stdout()
    job = Job.model_validate_json(sys.stdin.buffer.readline(MAX_LINE_BYTES))
    threading.Thread(target=_end_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
    return run(job, lines)


def run(job: Job, lines: IO[str]) -> int:
    """Do it, and write how it goes."""

    def tell(line: Line) -> None:
        lines.write(f"{line.model_dump_json()}\n")
        lines.flush()

    from sottovoce.models.download_meter import Meter
    from sottovoce.models.download_work import work

    try:
        work(job, Meter(tell))
    except DownloadError as error:
        tell(Failure(code=error.code or "", message=error.message))
        return EXIT_FAILED
    return 0


def _own_stdout() -> IO[str]:
    """Standard output for our lines alone: whatever else is printed goes to standard error."""
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return lines


def _end_with_parent(lifeline: int) -> None:
    """Reads below the buffer, whose lock a thread must not hold while the interpreter ends."""
    while os.read(lifeline, 4096):
        pass
    os._exit(EXIT_FAILED)


if __name__ == "__main__":
    sys.exit(main())
