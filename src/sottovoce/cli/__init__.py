"""The command line, one file per command.

Commands import what they need when they run, so that `--help` and shell completion answer at once.
"""

from sottovoce.cli.app import main

__all__ = ["main"]
