"""`python -m deploy.as_compose --env-file deploy/.env`: everything, without containers, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from deploy.as_compose.project import DEPLOY, ComposeError, read_project
from deploy.as_compose.stack import Stack

BUILT_LIVEKIT = DEPLOY.parent / ".tools" / "bin" / "livekit-server"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.as_compose", description=__doc__)
    parser.add_argument("--env-file", type=Path, default=DEPLOY / ".env")
    parser.add_argument("--folder", type=Path, help="Where volumes and logs lie; default: a temporary one.")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="sottovoce-") as temporary:
        try:
            return _run(read_settings(given.env_file.read_text()), given.folder or Path(temporary))
        except (ComposeError, OSError) as error:
            print(error, file=sys.stderr)
            return 1


def _run(settings: dict[str, str], folder: Path) -> int:
    livekit = shutil.which("livekit-server") or str(BUILT_LIVEKIT)
    stack = Stack(read_project(settings), folder, {"docker.io/livekit/livekit-server": [livekit]})
    try:
        stack.start()
        print(f"Everything is healthy: {stack.url('gateway', 8080)}. Logs: {folder}. Ctrl-C ends it.")
        signal.pause()
    except KeyboardInterrupt:
        print("Stopping …")
    finally:
        stack.stop()
    return 0


def read_settings(text: str) -> dict[str, str]:
    """The lines `NAME=value` of an env file in the plain form of ours; the environment's own values win."""
    pairs = (
        line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#")
    )
    settings = {name.strip(): value.strip() for name, _, value in pairs}
    return settings | {name: os.environ[name] for name in settings if name in os.environ}


if __name__ == "__main__":
    sys.exit(main())
