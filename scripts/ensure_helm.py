"""See to it that there is a Helm: the one on PATH, else one built with Go into .tools/bin.

The tests render deploy/chart with it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from go_install import go_install, say

VERSION = "3.22.0"
OLDEST = (3, 8)
"""The first one that reads charts as ours is written."""
MODULE = f"helm.sh/helm/v3/cmd/helm@v{VERSION}"
PROGRAM = "helm"
TOOLS = Path(__file__).parents[1] / ".tools" / "bin"
WAYS = f"""Ways to get Helm {OLDEST[0]}.{OLDEST[1]} or newer onto the PATH:
  brew install helm
  a release: https://github.com/helm/helm/releases
  install Go (https://go.dev/dl) and try again"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=Path, default=TOOLS, help="folder to build into")
    tools = parser.parse_args().tools
    if (found := find(tools)) is not None:
        say(found)
        return
    say(f"Building {PROGRAM} {VERSION} with Go (about two minutes, 80 MB)")
    tools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tools) as folder:
        go_install(MODULE, Path(folder), name=PROGRAM, ways=WAYS)
        (Path(folder) / PROGRAM).replace(tools / PROGRAM)
    say(f"Built {tools / PROGRAM}")


def find(tools: Path = TOOLS) -> str | None:
    """The one on PATH, if it is new enough, else the one that was built."""
    for candidate in (shutil.which(PROGRAM), str(tools / PROGRAM)):
        if candidate is not None and Path(candidate).is_file() and version_of(candidate) >= OLDEST:
            return candidate
    return None


def version_of(program: str) -> tuple[int, int]:
    """(0, 0) for what does not say."""
    done = subprocess.run([program, "version", "--short"], capture_output=True, text=True, check=False)
    found = re.search(r"v(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


if __name__ == "__main__":
    main()
