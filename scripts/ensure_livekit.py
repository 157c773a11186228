"""See to it that there is a livekit-server: the one on PATH, else one built with Go into .tools/bin.

The server that is there and new enough is left alone. With --build there is one in .tools/bin in any case.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from go_install import go_install, say

from sottovoce.errors import ConfigError
from sottovoce.livekit.server.program import BUILT_VERSION, PROGRAM, TOOLS, WAYS, find_program, version_of

MODULE = f"github.com/livekit/livekit-server/cmd/server@v{BUILT_VERSION}"


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
    say(f"Building {PROGRAM} {BUILT_VERSION} with Go (about three minutes, 55 MB)")
    tools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tools) as folder:
        go_install(MODULE, Path(folder), name=PROGRAM, ways=WAYS)
        built = Path(folder) / "server"
        version_of(str(built))  # it runs
        built.replace(tools / PROGRAM)
    say(f"Built {tools / PROGRAM}")


if __name__ == "__main__":
    main()
