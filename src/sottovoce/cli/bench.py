"""`sottovoce bench`: run one of the measurements in `bench/`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

EPILOG = (
    "Without a name it lists what there is. What follows the name goes to the bench: "
    "[bold]sottovoce bench voice_to_voice --json result.json[/bold]"
)

PACKAGE = Path(__file__).parents[1]
CHECKOUT = PACKAGE.parents[1] / "bench"
INSTALLED = PACKAGE / "bench"
"""Where a wheel keeps the scripts, with a few recordings."""


def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Which bench to run.", show_default=False)] = None,
) -> None:
    """Measure this machine: how long answers take, and what they are made of."""
    folder = CHECKOUT if CHECKOUT.is_dir() else INSTALLED
    if name is None:
        _print_list(folder)
        return
    script = _find(folder, name)
    command = [sys.executable, str(script), *_recordings(folder, script, context.args), *context.args]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def scripts(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("[a-z]*.py"))}


def _find(folder: Path, name: str) -> Path:
    from sottovoce.errors import ConfigError

    found = scripts(folder)
    if name not in found:
        known = ", ".join(found) or "none is installed"
        raise ConfigError(f"There is no bench {name!r}; there are: {known}.")
    return found[name]


def _recordings(folder: Path, script: Path, arguments: list[str]) -> list[str]:
    """An installed bench has its recordings beside it, not in a checkout's tests."""
    is_asked_for = "--recordings" in script.read_text(encoding="utf-8")
    if folder != INSTALLED or not is_asked_for or "--recordings" in arguments:
        return []
    return ["--recordings", str(INSTALLED / "recordings")]


def _print_list(folder: Path) -> None:
    for name, path in scripts(folder).items():
        purpose = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()
        typer.echo(f"{name:<20} {purpose[0] if purpose else ''}")
