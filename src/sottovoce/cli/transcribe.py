"""`sottovoce transcribe`: speech in files to text, captions or JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sottovoce.cli import flags

if TYPE_CHECKING:
    from sottovoce.cli.engines import Engine
    from sottovoce.config import Settings

EPILOG = (
    "Any format that FFmpeg reads, films too. Examples: [bold]sottovoce transcribe memo.m4a --stream[/bold]; "
    "[bold]sottovoce transcribe film.mp4 -f srt > film.srt[/bold]; "
    "[bold]sottovoce transcribe *.wav --json > texts.jsonl[/bold]"
)


class Format(StrEnum):
    """The formats of the transcription route."""

    TEXT = "text"
    JSON = "json"
    SRT = "srt"
    VTT = "vtt"
    VERBOSE_JSON = "verbose_json"


CAPTIONS = (Format.SRT, Format.VTT)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of every file. `is_lines`: one line of JSON for each; `is_live`: words as they come."""

    format: Format = Format.TEXT
    language: str | None = None
    is_lines: bool = False
    is_live: bool = False
    is_one_of_many: bool = False

    @property
    def form(self) -> dict[str, str]:
        form = {"response_format": "json" if self.format is Format.TEXT else self.format.value}
        return form | ({"language": self.language} if self.language else {})


def transcribe(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True, dir_okay=False, readable=True, help="Audio or video files.", show_default=False
        ),
    ],
    wanted: Annotated[
        Format, typer.Option("--format", "-f", help="What to print; srt and vtt are captions.")
    ] = Format.TEXT,
    is_lines: Annotated[
        bool, typer.Option("--json", help="One JSON object a file: its name and text.")
    ] = False,
    is_live: Annotated[bool, typer.Option("--stream", help="Print the words while they are heard.")] = False,
    language: Annotated[
        str | None, typer.Option(help="Spoken language, such as en; guessed if absent.")
    ] = None,
    host: flags.Host = None,
    port: flags.Port = None,
    home: flags.Home = None,
    config: flags.ConfigFile = None,
) -> None:
    """Write down what is said in FILES, each to standard output."""
    wish = Wish(wanted, language, is_lines=is_lines, is_live=is_live, is_one_of_many=len(files) > 1)
    _check(wish)
    settings = flags.load_settings(config, host=host, port=port, home=home)
    if asyncio.run(_transcribe(settings, files, wish)):
        raise typer.Exit(1)


def _check(wish: Wish) -> None:
    """Raises `ConfigError` for flags that contradict each other."""
    from sottovoce.errors import ConfigError

    if wish.is_lines and (wish.is_live or wish.format is not Format.TEXT):
        raise ConfigError("--json prints whole texts: leave out --format and --stream.")
    if wish.is_live and wish.format is not Format.TEXT:
        raise ConfigError(f"--stream prints text, not {wish.format}.")
    if wish.is_one_of_many and wish.format in CAPTIONS:
        raise ConfigError(f"{wish.format} captions are for one file at a time.")


async def _transcribe(settings: Settings, files: list[Path], wish: Wish) -> int:
    """How many files could not be read; the others are printed all the same."""
    from sottovoce.cli.engines import reach
    from sottovoce.errors import InvalidRequestError

    failures = 0
    async with reach(settings, "stt") as engine:
        for file in files:
            try:
                await (_print_live if wish.is_live else _print)(engine, file, wish)
            except InvalidRequestError as error:
                failures += 1
                typer.secho(f"error: {file}: {error.message}", fg="red", err=True)
    return failures


async def _print_live(engine: Engine, file: Path, wish: Wish) -> None:
    from sottovoce.cli import transcripts

    has_begun = False
    try:
        async for delta in transcripts.deltas(engine, file, wish.form):
            head = f"{file}: " if wish.is_one_of_many and not has_begun else ""
            typer.echo(head + delta, nl=False)
            sys.stdout.flush()
            has_begun = True
    finally:
        if has_begun:
            typer.echo()


async def _print(engine: Engine, file: Path, wish: Wish) -> None:
    from sottovoce.cli import transcripts

    with _progress(file):
        reply = await transcripts.body(engine, file, wish.form)
    if wish.format is not Format.TEXT:
        typer.echo(reply.strip())
        return
    text = transcripts.text_of(reply)
    if wish.is_lines:
        typer.echo(json.dumps({"file": str(file), "text": text}, ensure_ascii=False))
    else:
        typer.echo(f"{file}: {text}" if wish.is_one_of_many else text)


@contextmanager
def _progress(file: Path) -> Iterator[None]:
    """On a terminal: which file is being heard, and for how long already."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("Transcribing {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        progress.add_task(escape(str(file)), total=None)
        yield
