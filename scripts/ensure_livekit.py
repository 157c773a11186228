"""See to it that there is a livekit-server: the one on PATH, else one built with Go into .tools/bin.

The server that is there and new enough is left alone. With --build there is one in .tools/bin in any case.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from sottovoce.errors import ConfigError
from sottovoce.livekit.server_program import BUILT_VERSION, PROGRAM, TOOLS, WAYS, find_program, version_of

MODULE = f"github.com/livekit/livekit-server/cmd/server@v{BUILT_VERSION}"
GO_ELSEWHERE = "/usr/local/go/bin/go"
"""Where Go's own instructions install it, on the PATH or not."""
TOLD_EVERY = 200
"""Packages between two lines of progress; there are about a thousand."""
LAST_LINES = 15
"""Of what Go says, when it fails."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tools", type=Path, default=TOOLS, help="folder to build into")
    parser.add_argument("--build", action="store_true", help="build although another one is on PATH")
    arguments = parser.parse_args()
    if not has_program(arguments.tools, is_own_wanted=arguments.build):
        build(arguments.tools)


def has_program(tools: Path, *, is_own_wanted: bool) -> bool:
    """Whether one is there, which is said; and whether one that is there is too old."""
    try:
        program = find_program(str(tools / PROGRAM) if is_own_wanted else None, tools=tools)
    except ConfigError as error:
        for line in error.message.removesuffix(WAYS).strip().splitlines():
            say(line)
        return False
    say(str(program))
    return True


def build(tools: Path) -> None:
    """Exits with what went wrong and the ways to get the server otherwise."""
    go = shutil.which("go") or shutil.which(GO_ELSEWHERE)
    if go is None:
        sys.exit(f"error: {PROGRAM} is needed, and there is no Go to build it with.\n{WAYS}")
    say(f"Building {PROGRAM} {BUILT_VERSION} with Go (about three minutes, 55 MB)")
    tools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tools) as folder:
        install(go, Path(folder))
        built = Path(folder) / "server"
        version_of(str(built))  # it runs
        built.replace(tools / PROGRAM)
    say(f"Built {tools / PROGRAM}")


def install(go: str, folder: Path) -> None:
    """`go install` into `folder`, telling how it comes on."""
    environment = {**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0"}
    environment.pop("GOOS", None)  # for this machine, whatever else is being built here
    environment.pop("GOARCH", None)
    with subprocess.Popen(
        [go, "install", "-v", "-trimpath", "-ldflags=-s -w", MODULE],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as building:
        assert building.stdout is not None
        said = list(told(building.stdout))
    if building.returncode != 0:
        tail = "".join(said[-LAST_LINES:])
        sys.exit(f"{tail}error: {PROGRAM} could not be built (go ended with {building.returncode}).\n{WAYS}")


def told(lines: Iterable[str]) -> Iterator[str]:
    """The same lines; one of progress is printed for many of them."""
    for number, line in enumerate(lines, 1):
        if number % TOLD_EVERY == 0:
            say(f"  {number} modules and packages …")
        yield line


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
