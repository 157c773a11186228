"""`sottovoce bench`: how long this machine takes from speech to speech."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

EPILOG = (
    "It starts a server of its own with the embedded engines and takes about a minute. "
    "Example: [bold]sottovoce bench --rounds 3 --json result.json[/bold]. "
    "Further benches are scripts in bench/."
)

PACKAGE = Path(__file__).parents[1]
INSTALLED = PACKAGE / "bench" / "recordings"
"""Where a wheel keeps the recordings of whole questions."""
CHECKOUT = PACKAGE.parents[1] / "tests" / "data" / "recordings"
PATTERN = "dialogue-*.wav"
UNANSWERED = ("dialogue-stop",)
"""There is nothing to measure in the answer to being told to stop."""


def bench(
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often each recording is spoken.")] = 2,
    interruptions: Annotated[int, typer.Option(min=0, max=100, help="How often a reply is spoken over.")] = 5,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--recordings", exists=True, file_okay=False, help="Speak the WAV files of this folder."
        ),
    ] = None,
    target: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")] = None,
) -> None:
    """Measure voice to voice: from your last sample of speech to the first of the reply, leg by leg."""
    from rich.console import Console

    from sottovoce.bench.voice_to_voice import measure, print_report, write_report

    recordings = find_recordings(folder)
    turns = len(recordings) * rounds
    typer.echo(f"Speaking {turns} turns and {interruptions} interruptions in real time …", err=True)
    report = asyncio.run(measure(recordings, rounds=rounds, interruptions=interruptions))
    print_report(report, Console())
    if target is not None:
        write_report(report, target)


def find_recordings(folder: Path | None) -> list[Path]:
    """The files of `folder`, else the package's own. Raises `ConfigError` where there are none."""
    from sottovoce.errors import ConfigError

    if folder is not None:
        found = sorted(folder.glob("*.wav"))
    else:
        own = INSTALLED if INSTALLED.is_dir() else CHECKOUT
        found = [path for path in sorted(own.glob(PATTERN)) if not path.stem.startswith(UNANSWERED)]
    if not found:
        raise ConfigError(f"There are no WAV files in {folder or CHECKOUT}. Name a folder: --recordings")
    return found
